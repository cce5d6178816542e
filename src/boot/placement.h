// Placement: who lies where in low RAM, so that no two things overlap.
//
// A loader claims the places that an image dictates and asks for free ones for the rest. Only RAM below 4 GiB that the
// memory map announces can be had: video memory, the firmware area and the end of memory refuse by themselves.
#pragma once

#include "boot/guest_memory.h"

#include <optional>
#include <vector>

namespace ring3::boot {

/// Addresses from..to-1.
struct Interval {
    u64 from{};
    u64 to{};
};

enum class Claim : u8 { granted, outside_ram, overlaps };

class Placement {
public:
    explicit Placement(GuestMemory const& memory);

    /// Takes exactly this place. An empty one is always granted.
    [[nodiscard]] Claim claim(u64 base, u64 size);

    /// Takes the lowest free place within `bounds`; `alignment` is a power of two.
    std::optional<u64> lowest(u64 size, u64 alignment, Interval bounds);
    /// Takes the highest one.
    std::optional<u64> highest(u64 size, u64 alignment, Interval bounds);

private:
    bool is_free(u64 base, u64 size) const;
    std::vector<Interval> ram_;
    std::vector<Interval> taken_;
};

} // namespace ring3::boot
