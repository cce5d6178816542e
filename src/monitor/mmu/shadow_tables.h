// GuestTables: the guest's page tables as they are now in its memory, read without faults and without side effects.
//
// A shadow is made from whole tables rather than from single walks: what one directory entry covers is a region (4 MiB
// with 32-bit paging, 2 MiB with PAE), and a region has one table of 4 KiB, or is one large page.
//
//     linear page number | region | index |     10 + 10 bits, or 11 + 9 bits with PAE
//
// Nothing here may be used that has no accessed bit: a processor does not cache such an entry (SDM 3A 4.10.2.3).
#pragma once

#include "monitor/cpu/state.h"
#include "monitor/mmu/mmu.h"
#include "monitor/mmu/paging.h"

#include <optional>

namespace ring3 {

/// What the entries of all levels say of one page.
struct GuestPage {
    GuestPhys address{};
    bool user{};
    bool writable{};
    bool dirty{};
    bool global{};
};

class GuestTables {
public:
    static constexpr u32 max_regions = 2048;
    static constexpr u32 max_region_pages = 1024;

    GuestTables(GuestCpu const& cpu, Mmu& mmu);

    u32 region_pages() const { return pae_ ? 512 : 1024; }
    u32 entry_bytes() const { return pae_ ? 8 : 4; }
    u32 region(u32 page) const { return page / region_pages(); }

    /// The entry that covers a region; zero if the levels above have none, or lie outside of memory.
    PageEntry directory_entry(u32 region) const;
    bool is_large(PageEntry directory) const;
    /// The table that a present, not large entry names: 4 KiB in the host; nullptr if it lies outside of memory.
    u8 const* table(PageEntry directory) const;
    PageEntry entry(u8 const* table, u32 index) const;

    /// The page that the entries lead to, if a processor could have it in its TLB: present, accessed, nothing reserved.
    std::optional<GuestPage> page(PageEntry directory, PageEntry entry) const;
    /// Page `index` of a large page.
    std::optional<GuestPage> piece(PageEntry directory, u32 index) const;

    /// Must what was made from `before` go when the entry reads `now`? No, if only accessed and dirty bits were set, or
    /// bits changed that nobody but the guest's kernel looks at.
    static bool differs(PageEntry before, PageEntry now);
    /// The same for a directory entry that names a table: it has no dirty bit.
    static bool table_differs(PageEntry before, PageEntry now);

private:
    bool reserved(PageEntry entry, bool large) const;
    u64 frame(PageEntry entry) const { return entry.raw & bit_range(pae_ ? 51 : 31, 12) & address_mask_; }

    GuestCpu const& cpu_;
    PhysicalMemory const& memory_;
    u64 address_mask_;
    unsigned physical_bits_;
    bool pae_;
    std::array<u8 const*, 4> directories_{}; // in the host; 32-bit paging has one
};

} // namespace ring3
