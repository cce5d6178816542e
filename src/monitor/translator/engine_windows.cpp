// Windows: which one translated code uses, and what happens when an access through it faults (D3, D5).
#include "host/time.h"
#include "monitor/translator/engine.h"

namespace ring3 {

/// Code on the software path and code that goes through a window are different code: the choice is part of the mode.
void Engine::choose_window(TranslationMode& mode) {
    if (!shadow_) return;
    u64 const base = shadow_->base(mode.user() ? Privilege::user : Privilege::supervisor);
    if (base == 0) return;
    mode = mode.with<TranslationMode::Window>(1);
    if (base == window_) return;
    window_ = base;
    context_.window = base;
    host::set_gs_base(base);
}

/// Rent or buy: an address space gets its window when the software path has cost as much as making one would.
void Engine::charge_software(u64 nanoseconds) {
    if (shadow_ && !mode_.has<TranslationMode::Window>()) shadow_->charge(nanoseconds);
}

/// An access faulted in the window: a page that is not mapped yet, a fault of the guest's own, or something that windows
/// cannot show. The first is hidden from the guest, the others are the interpreter's.
std::optional<Engine::Ended> Engine::mend_window() {
    u32 const here = pc();
    if (trap_.address == 0) { // #GP: an operand that should be aligned is not, on whichever path
        note_difficulty(here);
        return Ended::one_more;
    }
    u64 const offset = trap_.address - window_;
    constexpr u64 window_size = u64{1} << 32;
    if (offset >= window_size) { // a guard zone: the sum of base and displacement wraps
        prefer_software(here);
        return Ended::one_more;
    }
    Access const access = trap_.write ? Access::write : Access::read;
    switch (shadow_->resolve({offset}, access, vcpu_.privilege())) {
    case ShadowSpaces::Fix::mapped:
        ++statistics_.hidden_faults;
        if (trap_.point.no_stop) return Ended::one_more; // entering again could meet an interrupt first
        resume_ = {trap_.start, trap_.point.esp_delta, trap_.point.fpu_valid};
        return std::nullopt;
    case ShadowSpaces::Fix::guest_fault:
        ++statistics_.true_faults;
        faulted_ = {{offset}, static_cast<u32>(vcpu_.cpu.eip), vcpu_.cpu.cr3.raw, true};
        return Ended::one_more;
    case ShadowSpaces::Fix::not_memory: break;
    }
    ++statistics_.hidden_faults;
    prefer_software(here);
    return Ended::one_more;
}

/// The guest's page-fault handler returns to the access that faulted, which would fault again because the window does not
/// show yet what the handler has mapped.
void Engine::anticipate_retry() {
    GuestCpu const& cpu = vcpu_.cpu;
    if (cpu.eip != faulted_.eip || cpu.cr3.raw != faulted_.cr3) return;
    shadow_->anticipate(faulted_.address, vcpu_.privilege());
    faulted_.waits = false;
}

/// Innocent until proven guilty: an instruction that met what windows cannot show gets the software path.
void Engine::prefer_software(u32 eip) {
    constexpr u8 patience = 2;
    constexpr std::size_t most = 16384;
    GuestPhys where;
    if (!vcpu_.mmu.peek({eip}, where) || !fails_again(where, patience)) return;
    if (software_.size() >= most) software_.clear();
    software_[where.raw] = 1;
    ++statistics_.reemitted_blocks;
    drop_code(where.page());
}

driver::EngineStatistics const& Engine::statistics() {
    statistics_.direct = context_.direct;
    statistics_.inlined = context_.inlined;
    statistics_.unlinks = cache_->unlinks();
    if (!shadow_) return statistics_;
    ShadowCounters const& windows = shadow_->counters();
    statistics_.mappings_made = windows.mappings_made;
    statistics_.mappings_evicted = windows.mappings_evicted;
    statistics_.windows_made = windows.windows_made;
    statistics_.windows_evicted = windows.windows_evicted;
    return statistics_;
}

} // namespace ring3
