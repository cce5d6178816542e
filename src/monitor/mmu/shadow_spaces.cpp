#include "monitor/mmu/shadow_spaces.h"

#include "monitor/mmu/shadow_space_view.h"

#include <algorithm>
#include <bit>

namespace ring3 {

namespace {

constexpr std::size_t most_accounts = 4096;
/// When so many regions are contested, sharing the supervisor's view was a mistake.
constexpr u32 most_contested = 8;

constexpr u32 when(bool condition, u32 bit) {
    return condition ? 1u << bit : 0;
}

/// What decides how tables are read and what their entries allow, besides CR3.
u32 mode_bits(GuestCpu const& cpu, bool a20) {
    if (!cpu.paging()) return when(a20, 1);
    return when(true, 0) | when(a20, 1) | when(cpu.cr4.has<Cr4::PAE>(), 2) | when(cpu.cr4.has<Cr4::PSE>(), 3) |
           when(cpu.cr0.has<Cr0::WP>(), 4) | when(cpu.cr4.has<Cr4::SMAP>(), 5) | when(cpu.efer.has<Efer::NXE>(), 6);
}

u32 root_of(GuestCpu const& cpu) {
    u64 const mask = cpu.cr4.has<Cr4::PAE>() ? Cr3::PointerTable::mask : bit_range(31, 12);
    return u32(cpu.cr3.raw & mask);
}

} // namespace

ShadowSpaces::ShadowSpaces(GuestCpu& cpu, Mmu& mmu, int ram_fd, std::span<u8> ram, ShadowOptions options)
    : cpu_{cpu},
      mmu_{mmu},
      memory_{mmu.memory()},
      ram_fd_{ram_fd},
      ram_{ram},
      options_{options},
      writers_(ram.size() / page_size) {
    // Two views may be in use at once, and a third lets one be made before another goes.
    options_.max_windows = std::clamp(options_.max_windows, 3u, most_views);
    options_.fault_around = std::bit_floor(std::clamp(options_.fault_around, 1u, 512u));
    enter_space();
}

ShadowSpaces::~ShadowSpaces() = default;

// ---- which views there are --------------------------------------------------------------------------------------

ShadowSpaces::Key ShadowSpaces::key(Privilege privilege) const {
    u32 const mode = mode_bits(cpu_, mmu_.a20());
    if (!cpu_.paging()) return {Kind::unpaged, 0, mode};
    bool const user = privilege == Privilege::user;
    bool const own = user ? options_.keep_spaces : split_;
    return {user ? Kind::user : Kind::supervisor, own ? root_of(cpu_) : 0, mode};
}

ShadowSpaces::View* ShadowSpaces::find(Key key) {
    for (auto const& view : views_)
        if (view->in_use && view->key == key) return view.get();
    return nullptr;
}

void ShadowSpaces::select() {
    ++clock_;
    for (Privilege privilege : {Privilege::supervisor, Privilege::user}) {
        current(privilege) = find(key(privilege));
        if (current(privilege)) current(privilege)->last_used = clock_;
    }
}

bool ShadowSpaces::worth_window(Key key) const {
    bool const shared = key.kind == Kind::unpaged || (key.kind == Kind::supervisor && !split_);
    return shared || *account_ >= options_.promote_after;
}

u64 ShadowSpaces::base(Privilege privilege) {
    if (!current(privilege)) {
        Key const wanted = key(privilege);
        if (!worth_window(wanted) || !make(wanted)) return 0;
        select();
    }
    return current(privilege)->shadow.base();
}

ShadowSpaces::View* ShadowSpaces::make(Key key) {
    auto const idle = std::find_if(views_.begin(), views_.end(), [](auto const& view) { return !view->in_use; });
    View* view = idle != views_.end() ? idle->get() : nullptr;
    if (!view && views_.size() < options_.max_windows) {
        if (auto window = host::Window::create(ram_fd_)) {
            views_.push_back(std::make_unique<View>(View{.shadow = ShadowView{std::move(*window)}}));
            view = views_.back().get();
            view->number = u32(views_.size() - 1);
            ++counters_.windows_made;
        } else {
            options_.max_windows = u32(views_.size()); // the host has no more address space
        }
    }
    if (!view) {
        view = least_used(false);
        if (!view) return nullptr;
        release(*view);
    }
    view->key = key;
    view->in_use = true;
    view->unverified = false;
    view->last_used = clock_;
    return view;
}

/// Of those that are not in use now.
ShadowSpaces::View* ShadowSpaces::least_used(bool only_mapped) {
    View* least = nullptr;
    for (auto const& view : views_) {
        if (!view->in_use || is_current(*view) || (only_mapped && view->shadow.mapped_pages() == 0)) continue;
        if (!least || view->last_used < least->last_used) least = view.get();
    }
    return least;
}

void ShadowSpaces::empty(View& view) {
    counters_.mappings_evicted += view.shadow.host_mappings();
    view.shadow.clear();
    view.saved.clear();
}

void ShadowSpaces::release(View& view) {
    empty(view);
    view.saved = {};
    view.in_use = false;
    ++counters_.windows_evicted;
    for (View*& one : current_)
        if (one == &view) one = nullptr;
}

u32 ShadowSpaces::host_mappings() const {
    u32 sum = 0;
    for (auto const& view : views_) sum += view->shadow.host_mappings();
    return sum;
}

/// For all that one fault may map: a mapping may split another, so that each costs up to two.
void ShadowSpaces::make_room() {
    u32 const wanted = 2 * (options_.max_runs + 1);
    while (host_mappings() + wanted > options_.max_mappings) {
        if (View* const view = least_used(true)) {
            release(*view);
            continue;
        }
        View* largest = nullptr;
        each_current([&](View& view) {
            if (!largest || view.shadow.host_mappings() > largest->shadow.host_mappings()) largest = &view;
        });
        if (!largest || largest->shadow.mapped_pages() == 0) return;
        empty(*largest);
    }
}

// ---- coherence (SDM 3A 4.10.4) ----------------------------------------------------------------------------------

void ShadowSpaces::enter_space() {
    account_ = &spare_account_;
    if (!cpu_.paging()) return;
    u32 const root = root_of(cpu_);
    if (!first_root_) first_root_ = root;
    lone_space_ &= root == *first_root_;
    // An address that is used again for another process keeps its account: it is bought too early at times, but never
    // more often than the software path has paid for.
    if (accounts_.size() == most_accounts) accounts_.clear();
    account_ = &accounts_[root];
}

void ShadowSpaces::cr3_written() {
    ++counters_.switches;
    if (!cpu_.paging()) return;
    enter_space();
    select();
    if (!options_.keep_spaces) return rewrite();
    each_current([this](View& view) { refresh(view); });
}

void ShadowSpaces::mode_changed() {
    for (auto const& view : views_) view->unverified = true;
    enter_space();
    select();
    each_current([this](View& view) { refresh(view); });
}

void ShadowSpaces::refresh(View& view) {
    bool const everything = std::exchange(view.unverified, false);
    if (view.key.kind == Kind::unpaged) return;
    bool const shared = view.key.kind == Kind::supervisor && !split_;
    bool const global_stay = shared && !everything && cpu_.cr4.has<Cr4::PGE>();
    u32 const before = view.shadow.mapped_pages();
    auto const result =
        view.saved.compare(tables(), global_stay ? FlushScope::not_global : FlushScope::all, view.shadow);
    counters_.tables_compared += result.tables;
    counters_.pages_dropped += result.dropped;
    if (shared && result.conflicted != 0) return count_conflicts(view);
    // Hardly anything stayed: the tables belong to another process now, which has to earn its window.
    bool const other = before >= 32 && result.dropped >= before / 4 * 3;
    if (!shared && other && *account_ >= options_.promote_after && options_.promote_after != 0) {
        *account_ = 0;
        release(view);
    }
}

void ShadowSpaces::count_conflicts(View const& view) {
    u32 count = 0;
    for (u32 region = 0; region < GuestTables::max_regions; ++region)
        count += view.saved.conflicts(region) >= contested;
    if (count <= most_contested) return;
    split_ = true;
    for (auto const& one : views_)
        if (one->in_use && one->key.kind == Kind::supervisor) release(*one);
    select();
}

/// Method 1: what a processor without address space identifiers does.
void ShadowSpaces::rewrite() {
    each_current([this](View& view) {
        if (view.key.kind == Kind::supervisor && !split_ && cpu_.cr4.has<Cr4::PGE>())
            counters_.pages_dropped += view.saved.drop_not_global(tables(), view.shadow);
        else
            empty(view);
    });
}

void ShadowSpaces::page_invalidated(Linear address) {
    if (!cpu_.paging()) return;
    each_current([&](View& view) { forget(view, u32(address.page_number()) % ShadowView::page_count); });
}

void ShadowSpaces::forget(View& view, u32 page) {
    GuestTables const live = tables();
    u32 const region = live.region(page);
    if (view.saved.large(region)) {
        counters_.pages_dropped += live.region_pages();
        return view.saved.drop_region(live, region, view.shadow);
    }
    if (!view.shadow.cell(page).mapped()) return;
    view.shadow.unmap(page, 1);
    ++counters_.pages_dropped;
    if (view.key.kind != Kind::supervisor) return;
    Churn& churn = invalidated_[page % churn_places];
    if (churn.page != page) churn = {page, 0};
    ++churn.count;
}

void ShadowSpaces::memory_map_changed() {
    for (auto const& view : views_) empty(*view);
}

void ShadowSpaces::breakpoints_changed() {
    for (auto const& view : views_)
        for (u32 const watched : cpu_.dr)
            if (u32 const page = watched / page_size; view->shadow.cell(page).mapped()) view->shadow.unmap(page, 1);
}

void ShadowSpaces::code_marked(GuestPhys page) {
    auto const number = ram_page(page);
    if (!number) return;
    ShadowCell const cell = ShadowCell::of(*number, host::WindowAccess::read_write);
    Writers const writers = std::exchange(writers_[*number], {});
    for (u32 left = writers.views; left != 0; left &= left - 1) {
        ShadowView& shadow = views_[u32(std::countr_zero(left))]->shadow;
        u32 at = writers.page == Writers::many ? shadow.find(cell, 0) : writers.page;
        while (at < ShadowView::page_count && shadow.cell(at) == cell) {
            ++counters_.code_pages;
            shadow.map(at, cell.read_only(), 1);
            if (writers.page != Writers::many) break;
            at = shadow.find(cell, at + 1);
        }
    }
}

} // namespace ring3
