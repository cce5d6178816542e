// Jump spaces: chosen by address space and mode, looked through again after the guest has activated an address space.
#include "monitor/translator/engine.h"

#include <algorithm>
#include <utility>

namespace ring3 {

/// A supervisor page that is global is the same in every address space (SDM 3A 4.10.2.4); the code on it needs one space.
u64 Engine::root_for(Linear eip) {
    GuestCpu const& cpu = vcpu_.cpu;
    if (!cpu.paging()) return 0;
    bool const global = cpu.cr4.has<Cr4::PGE>() && vcpu_.mmu.fetch_is_global(eip, vcpu_.privilege());
    return global ? JumpSpace::global_root : cpu.cr3.raw;
}

Result<void> Engine::add_space() {
    auto made = TRY(JumpSpace::create(leave_thunk(ExitKind::indirect), thunks_.return_underflow));
    spaces_.push_back(std::make_unique<JumpSpace>(std::move(made)));
    return {};
}

JumpSpace& Engine::space_for(TranslationMode mode, Linear eip) {
    mode = mode.of_space();
    u64 const root = root_for(eip);
    if (space_ && space_->root == root && space_->mode == mode && !space_->unverified) return *space_;
    auto const matches = [&](auto const& space) { return space->root == root && space->mode == mode; };
    auto found = std::ranges::find_if(spaces_, matches);
    if (found == spaces_.end()) {
        if (spaces_.size() < most_spaces && add_space()) {
            found = spaces_.end() - 1;
        } else {
            found = std::ranges::min_element(spaces_, {}, [](auto const& space) { return space->last_used; });
            forget(**found);
        }
        (*found)->root = root;
        (*found)->mode = mode;
    }
    JumpSpace& space = **found;
    if (space.unverified) verify(space);
    return space;
}

/// Are the pages that the space leads to still where they were? If not, it starts afresh. The guest sees nothing of the
/// look: it fetches from none of them now, so their accessed bits must not change.
void Engine::verify(JumpSpace& space) {
    GuestTables const tables{vcpu_.cpu, vcpu_.mmu};
    bool const keep =
        !std::exchange(space.stale, false) && options_.tlb == driver::TlbMethod::asid && !space.too_large();
    bool const holds = keep && std::ranges::all_of(
                                   space.pages, [&](JumpSpace::Page const& page) { return still_there(page, tables); });
    if (!holds) {
        forget(space);
        ++statistics_.tlb_flushes;
    }
    space.unverified = false;
}

/// Would a fetch from this page, by the guest's tables as they are now, lead where it led?
bool Engine::still_there(JumpSpace::Page const& page, GuestTables const& tables) const {
    if (!vcpu_.cpu.paging()) return true;
    auto const number = static_cast<u32>(page.linear.page_number());
    u32 const index = number % tables.region_pages();
    PageEntry const directory = tables.directory_entry(tables.region(number));
    std::optional<GuestPage> now;
    PageEntry entry = directory;
    if (tables.is_large(directory)) {
        now = tables.piece(directory, index);
    } else if (u8 const* const table = tables.table(directory)) {
        entry = tables.entry(table, index);
        now = tables.page(directory, entry);
    }
    if (!now || directory.has<PageEntry::XD>() || entry.has<PageEntry::XD>()) return false;
    bool const supervisor = vcpu_.privilege() == Privilege::supervisor;
    bool const allowed = now->user ? !(supervisor && vcpu_.cpu.cr4.has<Cr4::SMEP>()) : supervisor; // SDM 3A 4.6
    return allowed && now->address.page() == page.physical;
}

/// A block whose one instruction ends on another page holds only while that page is mapped where it was.
bool Engine::tail_holds(CodeKey const& key, CodeBlock const& block) {
    if (block.tail.raw == 0) return true;
    GuestPhys tail;
    Linear const next{static_cast<u32>(key.eip.page().raw + page_size)};
    return vcpu_.mmu.fetch(next, vcpu_.privilege(), tail).is_next() && tail == block.tail;
}

void Engine::use(JumpSpace& space) {
    space.last_used = ++space_clock_;
    if (space_ != &space) ++statistics_.address_space_switches;
    space_ = &space;
    context_.jump_table = space.table_address();
    context_.return_sp = space.return_sp;
}

/// Its targets and return addresses lead to code that is gone, or that is not there any more.
void Engine::forget(JumpSpace& space) {
    space.clear();
    if (&space == space_) context_.return_sp = space.return_sp;
}

// ---- what the processor forgets -----------------------------------------------------------------------------------

void Engine::all_flushed() {
    if (shadow_) shadow_->mode_changed();
    for (auto const& space : spaces_) space->unverified = true;
}

void Engine::non_global_flushed() {
    if (shadow_) shadow_->cr3_written();
    for (auto const& space : spaces_)
        if (space->root != JumpSpace::global_root) space->unverified = true;
}

void Engine::code_marked(GuestPhys page) {
    if (shadow_) shadow_->code_marked(page);
}

void Engine::memory_map_changed() {
    if (shadow_) shadow_->memory_map_changed();
    for (auto const& space : spaces_) space->stale = space->unverified = true;
}

/// INVLPG forgets the whole page that covers the address (SDM 3A 4.10.4.1), which may be one of 4 MiB; how large it was
/// when code was found there is not kept, so everything around the address is looked at again.
void Engine::page_flushed(Linear page) {
    constexpr u64 largest_page = u64{4} << 20;
    if (shadow_) shadow_->page_invalidated(page);
    Linear const first{page.raw & ~(largest_page - 1)};
    for (auto const& space : spaces_)
        if (space->leads_into(first, largest_page)) space->unverified = true;
}

} // namespace ring3
