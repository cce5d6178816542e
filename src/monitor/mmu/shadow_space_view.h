// ShadowSpaces' own types, shared by the files that implement it.
#pragma once

#include "monitor/mmu/shadow_spaces.h"

namespace ring3 {

/// A region of the supervisor's view that differed at this many CR3 writes is contested (SavedTables::conflicts).
inline constexpr u8 contested = 8;

struct ShadowSpaces::View {
    ShadowView shadow;
    SavedTables saved{};
    u32 number{};
    Key key{};
    bool in_use{};
    bool unverified{}; // a flush of everything has not been seen yet
    u64 last_used{};
};

/// What a window should show around a page: candidates, by the guest's tables as they are now.
struct ShadowSpaces::Block {
    u32 first{};
    u32 count{};
    PageEntry directory{}; // with paging
    bool all_global{true};
    std::array<ShadowCell, GuestTables::max_region_pages> cells;

    u32 end() const { return first + count; }
    ShadowCell at(u32 page) const { return cells[page - first]; }
};

template <class F> void ShadowSpaces::each_current(F&& act) {
    View* const first = current_[0];
    View* const second = current_[1];
    if (first) act(*first);
    if (second && second != first) act(*second);
}

} // namespace ring3
