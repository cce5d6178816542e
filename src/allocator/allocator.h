// Allocator: who gets what of this host (C2). It says yes or no, keeps the account, and never emulates.
//
// It lives in the app, which owns every host resource, and is asked before a machine gets any:
//
//     memory      a guest's RAM. It is reserved, not taken: the host's kernel finds each page when the guest first touches
//                 it. So what is granted may exceed what is free, but not what the host has, swap included; nor what
//                 limits of this process would turn into a signal or an odd failure later (ulimit -v, ulimit -f).
//     mappings    how many a monitor's windows may make. The host's kernel counts them per process (vm.max_map_count);
//                 a quarter is left for the monitor's own.
//
// Missing: processor time and disk space, which the host's kernel shares out; control groups' limits on memory; asking
// a running guest for memory back.
#pragma once

#include "base/result.h"

#include <utility>

namespace ring3 {

/// What there is to give, in bytes where nothing else is said. All ones: no limit.
struct HostResources {
    u64 memory{};              // RAM and swap
    u64 address_space_limit{}; // ulimit -v
    u64 file_size_limit{};     // ulimit -f; a guest's RAM is a file in memory
    u64 max_mappings{};        // of one process
};
HostResources look_at_resources();

class Allocator;

/// A guest's share of the memory. Gives it back at its end.
class MemoryGrant {
public:
    MemoryGrant() = default;
    MemoryGrant(MemoryGrant&& other) noexcept
        : allocator_{std::exchange(other.allocator_, nullptr)}, bytes_{std::exchange(other.bytes_, 0)} {}
    MemoryGrant& operator=(MemoryGrant&& other) noexcept {
        std::swap(allocator_, other.allocator_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~MemoryGrant() { give_back(); }
    u64 bytes() const { return bytes_; }
    void give_back();

private:
    friend class Allocator;
    MemoryGrant(Allocator& allocator, u64 bytes) : allocator_{&allocator}, bytes_{bytes} {}
    Allocator* allocator_{};
    u64 bytes_{};
};

class Allocator {
public:
    explicit Allocator(HostResources const& host) : host_{host} {}
    Allocator(Allocator const&) = delete; // grants point to it

    /// For the RAM of one machine. The error tells how much there is.
    Result<MemoryGrant> grant_memory(u64 bytes);
    /// For the windows of one monitor.
    u32 grant_mappings() const;
    u64 granted_memory() const { return granted_memory_; }

private:
    friend class MemoryGrant;
    HostResources host_;
    u64 granted_memory_{};
};

} // namespace ring3
