#include "monitor/mmu/shadow_saved.h"

#include <algorithm>
#include <cstring>

namespace ring3 {

namespace {

constexpr u8 most_conflicts = 255;
constexpr u32 most_bridged = 1024;

u32 count_mapped(ShadowView const& view, u32 first, u32 end) {
    u32 mapped = 0;
    for (u32 page = first; page < end; ++page) mapped += view.cell(page).mapped();
    return mapped;
}

} // namespace

bool SavedTables::stale(u32 region, PageEntry directory) const {
    Region const* const saved = find(region);
    if (!saved) return false;
    return saved->table ? GuestTables::table_differs(saved->directory, directory)
                        : GuestTables::differs(saved->directory, directory);
}

bool SavedTables::large(u32 region) const {
    Region const* const saved = find(region);
    return saved && !saved->table;
}

bool SavedTables::note(GuestTables const& live, u32 page, u32 count, PageEntry directory, bool global) {
    u32 const number = live.region(page);
    bool const large = live.is_large(directory);
    u8 const* const now = large ? nullptr : live.table(directory);
    if (slots_[number] == 0) {
        if (!large && copies_ == max_copies) return false;
        regions_.push_back({number, directory, nullptr, false});
        slots_[number] = u16(regions_.size());
        if (!large) {
            regions_.back().table = std::make_unique<Table>();
            std::memcpy(regions_.back().table->data(), now, page_size);
            ++copies_;
        }
    }
    Region& region = regions_[slots_[number] - 1u];
    region.has_local |= !global;
    if (region.table) {
        u32 const offset = page % live.region_pages() * live.entry_bytes();
        std::memcpy(region.table->data() + offset, now + offset, count * live.entry_bytes());
    }
    return true;
}

void SavedTables::forget(std::size_t slot) {
    copies_ -= regions_[slot].table != nullptr;
    slots_[regions_[slot].number] = 0;
    if (slot + 1 != regions_.size()) {
        regions_[slot] = std::move(regions_.back());
        slots_[regions_[slot].number] = u16(slot + 1);
    }
    regions_.pop_back();
}

void SavedTables::clear() {
    for (Region const& region : regions_) slots_[region.number] = 0;
    regions_.clear();
    copies_ = 0;
}

void SavedTables::drop_region(GuestTables const& live, u32 region, ShadowView& view) {
    if (slots_[region] == 0) return;
    forget(slots_[region] - 1u);
    view.unmap(region * live.region_pages(), live.region_pages());
}

/// A page to unmap. What lies between two such pages and shows nothing may go with them: one call instead of two.
void SavedTables::drop_page(u32 page, ShadowView const& view) {
    if (!drops_.empty() && drops_.back().end <= page && page - drops_.back().end < most_bridged &&
        count_mapped(view, drops_.back().end, page) == 0)
        drops_.back().end = page + 1;
    else
        drops_.push_back({page, page + 1});
}

void SavedTables::compare_entries(GuestTables const& live, Region& region, u8 const* now, ShadowView const& view) {
    constexpr u32 line = 64;
    u8* const saved = region.table->data();
    u32 const per_line = line / live.entry_bytes();
    for (u32 offset = 0; offset < page_size; offset += line) {
        if (std::memcmp(saved + offset, now + offset, line) == 0) continue;
        u32 const first = offset / live.entry_bytes();
        for (u32 i = first; i < first + per_line; ++i) {
            u32 const page = region.number * live.region_pages() + i;
            if (view.cell(page).mapped() && GuestTables::differs(live.entry(saved, i), live.entry(now, i)))
                drop_page(page, view);
        }
        std::memcpy(saved + offset, now + offset, line);
    }
}

/// The directory entry changed, or the table is not in memory any more.
bool SavedTables::gone(GuestTables const& live, Region const& region, u8 const*& now) const {
    PageEntry const directory = live.directory_entry(region.number);
    now = nullptr;
    if (stale(region.number, directory)) return true;
    if (!region.table) return false;
    now = live.table(directory);
    return now == nullptr;
}

SavedTables::Comparison SavedTables::compare(GuestTables const& live, FlushScope scope, ShadowView& view) {
    Comparison result;
    drops_.clear();
    for (std::size_t slot = 0; slot < regions_.size();) {
        Region& region = regions_[slot];
        if (scope == FlushScope::not_global && !region.has_local) {
            ++slot;
            continue;
        }
        u8 const* now = nullptr;
        if (gone(live, region, now)) {
            u32 const first = region.number * live.region_pages(), end = first + live.region_pages();
            if (count_mapped(view, first, end) != 0) {
                ++result.conflicted;
                u8& conflicts = conflicts_[region.number];
                conflicts = u8(conflicts + (conflicts != most_conflicts));
                drops_.push_back({first, end});
            }
            forget(slot);
            continue;
        }
        ++result.tables;
        if (now && std::memcmp(region.table->data(), now, page_size) != 0) compare_entries(live, region, now, view);
        ++slot;
    }
    result.dropped = apply_drops(view);
    return result;
}

u32 SavedTables::drop_not_global(GuestTables const& live, ShadowView& view) {
    drops_.clear();
    for (std::size_t slot = 0; slot < regions_.size();) {
        if (!regions_[slot].has_local) {
            ++slot;
            continue;
        }
        u32 const first = regions_[slot].number * live.region_pages();
        drops_.push_back({first, first + live.region_pages()});
        forget(slot);
    }
    return apply_drops(view);
}

u32 SavedTables::apply_drops(ShadowView& view) {
    u32 const before = view.mapped_pages();
    u32 dropped = 0;
    for (Range const& range : drops_) dropped += count_mapped(view, range.first, range.end);
    // If hardly anything stays, one call for the whole window costs less than many for its parts.
    if (drops_.size() > 8 && dropped >= before / 4 * 3) {
        view.clear();
        clear();
        return before;
    }
    for (Range const& range : drops_) view.unmap(range.first, range.end - range.first);
    return dropped;
}

} // namespace ring3
