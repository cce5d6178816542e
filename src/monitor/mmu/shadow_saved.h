// SavedTables: from which entries of the guest's tables a window was made (D8).
//
// Method 2 keeps windows while the guest runs other address spaces. When one becomes active again, it may show only
// what a processor could then have cached: that the tables still say. So the directory entry and the table of each
// region are kept as they were when pages were mapped, and compared: 4 KiB in 100 ns. Changed entries whose pages are
// mapped lose them; setting A or D, or filling an empty entry, changes nothing.
//
// The copy of an entry whose page is mapped is what the mapping was made from; a mapping may be staler than the table
// until the guest writes CR3 or says INVLPG (SDM 3A 4.10.4), and is then found.
#pragma once

#include "monitor/mmu/shadow_tables.h"
#include "monitor/mmu/shadow_view.h"

#include <vector>

namespace ring3 {

/// What a flush looks at: everything, or only regions with pages that are not global.
enum class FlushScope : u8 { all, not_global };

class SavedTables {
public:
    struct Comparison {
        u32 tables{};     // compared
        u32 dropped{};    // pages
        u32 conflicted{}; // regions that the new address space fills from another table
    };

    /// Was the region mapped from another directory entry than this? Then what the window shows of it has to go before
    /// anything more of it is mapped.
    bool stale(u32 region, PageEntry directory) const;
    /// Pages [page, page + count) of one region are about to be mapped from the live tables. False if there is no room
    /// for another copy.
    bool note(GuestTables const& live, u32 page, u32 count, PageEntry directory, bool global);
    /// Forgets a region and unmaps it.
    void drop_region(GuestTables const& live, u32 region, ShadowView& view);
    /// Unmaps every page that the live tables do not say any more.
    Comparison compare(GuestTables const& live, FlushScope scope, ShadowView& view);
    /// Unmaps the regions with pages that are not global, changed or not.
    u32 drop_not_global(GuestTables const& live, ShadowView& view);
    /// Is the region a large page?
    bool large(u32 region) const;
    void clear();

    /// How often comparisons found this region to differ between address spaces.
    u8 conflicts(u32 region) const { return conflicts_[region]; }
    std::size_t copies() const { return copies_; }

private:
    // 2 MiB. A kernel without large pages has 256 tables for its GiB.
    static constexpr std::size_t max_copies = 512;
    using Table = std::array<u8, page_size>;
    struct Region {
        u32 number{};
        PageEntry directory{};
        std::unique_ptr<Table> table; // none for a large page
        bool has_local{};             // some page is not global
    };
    struct Range {
        u32 first{}, end{};
    };

    Region const* find(u32 region) const { return slots_[region] ? &regions_[slots_[region] - 1u] : nullptr; }
    void forget(std::size_t slot);
    bool gone(GuestTables const& live, Region const& region, u8 const*& now) const;
    void compare_entries(GuestTables const& live, Region& region, u8 const* now, ShadowView const& view);
    void drop_page(u32 page, ShadowView const& view);
    u32 apply_drops(ShadowView& view);

    std::vector<Region> regions_;
    std::array<u16, GuestTables::max_regions> slots_{}; // region -> place in regions_, plus one
    std::array<u8, GuestTables::max_regions> conflicts_{};
    std::size_t copies_{};
    std::vector<Range> drops_; // of the comparison that is under way
};

} // namespace ring3
