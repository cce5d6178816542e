// ShadowSpaces, the part that maps: from a fault to cells of a window.
#include "monitor/mmu/shadow_space_view.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace ring3 {

namespace {

constexpr u32 most_invalidations = 16;

constexpr Linear address_of(u32 page) {
    return {page * page_size};
}

bool satisfies(ShadowCell cell, Access access) {
    return cell.mapped() && (access == Access::read || cell.writable());
}

} // namespace

ShadowSpaces::Fix ShadowSpaces::resolve(Linear address, Access access, Privilege privilege) {
    View* const view = current(privilege);
    u32 const page = u32(address.page_number()) % ShadowView::page_count;
    Translation ignored;
    if (!mmu_.translate(address, access, privilege, ignored).is_next()) {
        ++counters_.guest_faults;
        page_faulted(address);
        return Fix::guest_fault;
    }
    // What faults although it is mapped has lost its mapping to the host, perhaps. Once more, but not for ever.
    bool const spurious = view && satisfies(view->shadow.cell(page), access);
    if (spurious && spurious_page_ != page) view->shadow.unmap(page, 1);
    if (view && access != Access::execute && !(spurious && spurious_page_ == page)) {
        make_room();
        fill(*view, page);
    }
    bool const mapped = view && access != Access::execute && !(spurious && spurious_page_ == page) &&
                        satisfies(view->shadow.cell(page), access);
    spurious_page_ = spurious ? page : ~0u;
    ++(mapped ? counters_.hidden_faults : counters_.refused);
    return mapped ? Fix::mapped : Fix::not_memory;
}

void ShadowSpaces::anticipate(Linear address, Privilege privilege) {
    View* const view = current(privilege);
    if (!view) return;
    make_room();
    fill(*view, u32(address.page_number()) % ShadowView::page_count);
}

// ---- what could be mapped ---------------------------------------------------------------------------------------

std::optional<u64> ShadowSpaces::ram_page(GuestPhys page) const {
    u8 const* const host = memory_.page(page);
    // Pointers into different objects compare by std::less only. ROM may lie outside of the guest's memfd.
    std::less<u8 const*> const before;
    if (!host || before(host, ram_.data()) || !before(host, ram_.data() + ram_.size())) return std::nullopt;
    return u64(host - ram_.data()) / page_size;
}

ShadowCell ShadowSpaces::backing(GuestPhys page, bool writable) const {
    auto const number = ram_page(page);
    if (!number) return {};
    bool const plain = memory_.kind(page) == PhysicalMemory::Kind::ram && !memory_.holds_code(page);
    return ShadowCell::of(*number, writable && plain ? host::WindowAccess::read_write : host::WindowAccess::read);
}

bool ShadowSpaces::admits(View const& view, u32 page, GuestPage const& guest) const {
    if (mmu_.watched(address_of(page))) return false;
    if (view.key.kind == Kind::user) return guest.user;
    if (guest.user) return lone_space_ && !cpu_.cr4.has<Cr4::SMAP>();
    Churn const churn = invalidated_[page % churn_places];
    if (churn.page == page && churn.count >= most_invalidations) return false;
    bool const global = guest.global && cpu_.cr4.has<Cr4::PGE>();
    return split_ || global || view.saved.conflicts(tables().region(page)) < contested;
}

ShadowCell ShadowSpaces::cell_for(View const& view, u32 page, GuestPage const& guest) const {
    if (!admits(view, page, guest)) return {};
    bool const supervisor_may = view.key.kind == Kind::supervisor && !cpu_.cr0.has<Cr0::WP>();
    // Without D the next write has to be seen: the walk sets it then.
    return backing(guest.address, guest.dirty && (guest.writable || supervisor_may));
}

bool ShadowSpaces::describe_unpaged(u32 page, Block& block) const {
    block.count = GuestTables::max_region_pages;
    block.first = page / block.count * block.count;
    u64 const mask = mmu_.a20() ? ~u64{0} : ~(u64{1} << 20);
    for (u32 i = 0; i < block.count; ++i)
        block.cells[i] = mmu_.watched(address_of(block.first + i))
                             ? ShadowCell{}
                             : backing({(block.first + i) * page_size & mask}, true);
    return true;
}

bool ShadowSpaces::describe(View& view, u32 page, Block& block) {
    if (view.key.kind == Kind::unpaged) return describe_unpaged(page, block);
    GuestTables const live = tables();
    u32 const region = live.region(page);
    u32 const start = region * live.region_pages();
    block.directory = live.directory_entry(region);
    if (view.saved.stale(region, block.directory)) view.saved.drop_region(live, region, view.shadow);
    bool const large = live.is_large(block.directory);
    u8 const* const table = large ? nullptr : live.table(block.directory);
    if (!large && !table) return false;
    block.count = large ? live.region_pages() : options_.fault_around;
    block.first = page / block.count * block.count;
    for (u32 i = 0; i < block.count; ++i) {
        u32 const index = block.first + i - start;
        auto const guest =
            large ? live.piece(block.directory, index) : live.page(block.directory, live.entry(table, index));
        block.cells[i] = guest ? cell_for(view, block.first + i, *guest) : ShadowCell{};
        if (block.cells[i].mapped()) block.all_global &= guest->global;
    }
    return true;
}

// ---- mapping it -------------------------------------------------------------------------------------------------

/// Should this page be mapped, and does it not show already what it should?
bool ShadowSpaces::lacks(View const& view, Block const& block, u32 page) const {
    return block.at(page).mapped() && view.shadow.cell(page) != block.at(page);
}

/// The end of the run of pages from `start` on that one call can map.
u32 ShadowSpaces::run_end(View const& view, Block const& block, u32 start) const {
    u32 end = start;
    while (end < block.end() && lacks(view, block, end) && block.at(end) == block.at(start).after(end - start)) ++end;
    return end;
}

void ShadowSpaces::fill(View& view, u32 page) {
    Block block;
    if (!describe(view, page, block) || !lacks(view, block, page)) return;
    u32 start = page;
    u32 const end = run_end(view, block, page);
    while (start > block.first && lacks(view, block, start - 1) && block.at(start) == block.at(start - 1).after(1))
        --start;
    place_run(view, block, start, end);
    u32 runs = 0;
    auto const place_between = [&](u32 at, u32 last) {
        while (at < last && runs < options_.max_runs) {
            u32 const stop = std::min(run_end(view, block, at), last);
            if (stop == at) {
                ++at;
                continue;
            }
            place_run(view, block, at, stop);
            ++runs;
            at = stop;
        }
    };
    place_between(end, block.end());
    place_between(block.first, start);
}

void ShadowSpaces::place_run(View& view, Block const& block, u32 start, u32 end) {
    u32 const count = end - start;
    if (view.key.kind != Kind::unpaged) {
        GuestTables const live = tables();
        if (!view.saved.note(live, start, count, block.directory, block.all_global)) {
            // So many tables cost more to compare than to map again.
            empty(view);
            view.saved.note(live, start, count, block.directory, block.all_global);
        }
    }
    place(view, start, block.at(start), count);
}

bool ShadowSpaces::place(View& view, u32 page, ShadowCell first, u32 count) {
    bool done = view.shadow.map(page, first, count);
    if (!done) {
        // The host refused: it allows fewer mappings than we were told.
        if (View* const other = least_used(true)) release(*other);
        done = view.shadow.map(page, first, count);
    }
    if (!done) return false;
    ++counters_.mappings_made;
    counters_.pages_mapped += count;
    if (first.writable()) note_writers(view, page, first, count);
    return true;
}

void ShadowSpaces::note_writers(View const& view, u32 page, ShadowCell first, u32 count) {
    u32 const bit = 1u << view.number;
    for (u32 i = 0; i < count; ++i) {
        ShadowCell const cell = first.after(i);
        Writers& writers = writers_[cell.ram_page()];
        bool const still_there =
            writers.views != 0 && (writers.page == Writers::many ||
                                   views_[u32(std::countr_zero(writers.views))]->shadow.cell(writers.page) == cell);
        bool const same = writers.views == bit && writers.page == page + i;
        if (!still_there || same)
            writers = {bit, page + i};
        else
            writers = {writers.views | bit, Writers::many};
    }
}

} // namespace ring3
