// The guest's RAM as this process has it mapped: from guest-physical addresses to pointers and back, checked.
#pragma once

#include "base/pc_addresses.h"

#include <optional>
#include <span>

namespace ring3::virtio {

class GuestMemory {
public:
    GuestMemory() = default;
    /// What `-m` says, low and high RAM behind each other.
    explicit GuestMemory(std::span<u8> ram) : ram_{ram} {}

    /// The bytes, if all of them are RAM.
    std::optional<std::span<u8>> at(GuestPhys address, u64 bytes) const {
        auto const offset = pc::ram_offset(ram_.size(), address, bytes);
        if (!offset) return std::nullopt;
        return ram_.subspan(*offset, bytes);
    }
    /// Where a byte that at() gave lies for the guest.
    GuestPhys address_of(u8 const* byte) const {
        u64 const offset = static_cast<u64>(byte - ram_.data());
        u64 const low = pc::split_ram(ram_.size()).low;
        return {offset < low ? offset : offset - low + pc::high_memory};
    }

private:
    std::span<u8> ram_;
};

} // namespace ring3::virtio
