#include "boot/placement.h"

#include "base/pc_addresses.h"

#include <algorithm>

namespace ring3::boot {

namespace {

constexpr bool intersect(Interval a, Interval b) {
    return a.from < b.to && b.from < a.to;
}

} // namespace

Placement::Placement(GuestMemory const& memory) {
    for (auto const& range : memory_map(memory))
        if (range.kind == RangeKind::ram && range.end() <= pc::high_memory) ram_.push_back({range.base, range.end()});
}

Claim Placement::claim(u64 base, u64 size) {
    if (size == 0) return Claim::granted;
    auto const holds = [&](Interval ram) { return ram.from <= base && base < ram.to && size <= ram.to - base; };
    if (std::none_of(ram_.begin(), ram_.end(), holds)) return Claim::outside_ram;
    if (!is_free(base, size)) return Claim::overlaps;
    taken_.push_back({base, base + size});
    return Claim::granted;
}

bool Placement::is_free(u64 base, u64 size) const {
    auto const hit = [&](Interval taken) { return intersect(taken, {base, base + size}); };
    return std::none_of(taken_.begin(), taken_.end(), hit);
}

// A lowest free place begins where RAM, the bounds or something taken lets it begin: there are few candidates, so all
// are tried. The same holds for a highest place's end.

std::optional<u64> Placement::lowest(u64 size, u64 alignment, Interval bounds) {
    std::vector<u64> candidates{bounds.from};
    for (auto const& ram : ram_) candidates.push_back(ram.from);
    for (auto const& taken : taken_) candidates.push_back(taken.to);
    std::sort(candidates.begin(), candidates.end());
    for (u64 const candidate : candidates) {
        u64 const base = (candidate + alignment - 1) & ~(alignment - 1);
        if (base < bounds.from || base > bounds.to || size > bounds.to - base) continue;
        if (claim(base, size) == Claim::granted) return base;
    }
    return std::nullopt;
}

std::optional<u64> Placement::highest(u64 size, u64 alignment, Interval bounds) {
    std::vector<u64> candidates{bounds.to};
    for (auto const& ram : ram_) candidates.push_back(ram.to);
    for (auto const& taken : taken_) candidates.push_back(taken.from);
    std::sort(candidates.rbegin(), candidates.rend());
    for (u64 const end : candidates) {
        if (end > bounds.to || end < size) continue;
        u64 const base = (end - size) & ~(alignment - 1);
        if (base >= bounds.from && claim(base, size) == Claim::granted) return base;
    }
    return std::nullopt;
}

} // namespace ring3::boot
