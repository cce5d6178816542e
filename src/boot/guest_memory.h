// The guest's RAM as the boot loader sees it, and what it tells the guest about it (e820).
#pragma once

#include "base/types.h"

#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace ring3::boot {

/// RAM in two pieces, as pc::split_ram() cuts it.
struct GuestMemory {
    std::span<u8> low;  // from gpa 0, at most up to the PCI hole
    std::span<u8> high; // from gpa 4 GiB
};

/// What a range of the physical address space is, in e820's numbers (ACPI 15).
enum class RangeKind : u32 { ram = 1, reserved = 2 };

struct MemoryRange {
    u64 base{};
    u64 size{};
    RangeKind kind{};
    constexpr u64 end() const { return base + size; }
    friend constexpr bool operator==(MemoryRange const&, MemoryRange const&) = default;
};

/// The map of a board with this much RAM, in ascending order. Low RAM beyond the PCI hole does not exist.
std::vector<MemoryRange> memory_map(u64 low_bytes, u64 high_bytes);
std::vector<MemoryRange> memory_map(GuestMemory const& memory);

/// Copies into low RAM. The caller has found the place with Placement: to lie outside is a bug of ours.
void write_bytes(GuestMemory memory, u64 gpa, std::span<u8 const> bytes);

template <class T> void write(GuestMemory memory, u64 gpa, T const& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    u8 bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    write_bytes(memory, gpa, bytes);
}

} // namespace ring3::boot
