// Signals that stop translated code, in the signal's handler: no allocation, no lock, plain stores.
#include "base/assert.h"
#include "monitor/translator/engine.h"

namespace ring3 {

namespace {

constexpr u64 trap_flag = 0x100;
constexpr u64 cost_of_tick = 500'000; // nanoseconds: what a timer's period on the software path costs more
constexpr u64 low_half = 0xffff'ffff;

u64& reg(host::Trap& trap, Host r) {
    return trap.registers.gpr[number(r)];
}

/// String instructions run with pointers into the window; the guest's are their lower halves.
void cut_pointers(host::Trap& trap) {
    reg(trap, Host::rsi) &= low_half;
    reg(trap, Host::rdi) &= low_half;
}

} // namespace

bool Engine::on_trap(host::Trap& trap) {
    ++statistics_.host_signals;
    trap.registers.rflags &= ~trap_flag;
    HostPc const pc = trap.registers.rip;
    bool const asynchronous = trap.cause == host::TrapCause::preempt || trap.cause == host::TrapCause::step;
    if (asynchronous) {
        preempt();
        if (cache_->in_blocks(pc)) return stop_at_border(trap);
        if (thunks_.leads_to_cpp(pc)) return true;
        // C++ that has looked at the flag already, or a thunk: go on by single host instructions, into the block.
        bool const thunk = cache_->contains(pc);
        if (thunk || entering_.load(std::memory_order_relaxed)) trap.registers.rflags |= trap_flag;
        return true;
    }
    if (trap.cause == host::TrapCause::memory && space_ && space_->overflows_at(trap.address)) {
        reg(trap, Host::rsp) = space_->return_top(); // calls deeper than the stack: older returns take the slow way
        return true;
    }
    if (!cache_->in_blocks(pc)) return false;
    CodeBlock const* const block = cache_->block_at(pc);
    if (!block) return false;
    trap_ = {trap.cause, trap.address, trap.write, {}, 0};
    cut_pointers(trap);
    Point const& point = block->point_at(pc);
    trap_.start = block->start + point.host;
    leave_from(trap, point);
    return true;
}

/// If the code stands before a guest instruction it is left there; else it goes on for one more host instruction.
bool Engine::stop_at_border(host::Trap& trap) {
    HostPc const pc = trap.registers.rip;
    CodeBlock const* const block = cache_->block_at(pc);
    bool at_border = false;
    if (block) {
        Point const& point = block->point_at(pc);
        HostPc const start = block->start + point.host;
        // Between two repetitions of a string instruction, too: the registers say how far it has come.
        bool const repeating = point.repeat != 0 && pc == start + point.repeat;
        at_border = (start == pc || repeating) && !point.no_stop;
        if (at_border) {
            if (repeating) cut_pointers(trap);
            trap_ = {host::TrapCause::preempt, 0, false, {}, 0};
            leave_from(trap, point);
        }
    }
    if (!at_border) trap.registers.rflags |= trap_flag;
    return true;
}

void Engine::leave_from(host::Trap& trap, Point const& point) {
    trap_.point = point;
    trap.registers.rip = leave_thunk(ExitKind::trap);
}

/// The same, later, back in the engine.
std::optional<Engine::Ended> Engine::trapped() {
    arrive_at(trap_.point);
    if (trap_.cause == host::TrapCause::preempt) {
        ++statistics_.exits_signal;
        charge_software(cost_of_tick);
        return Ended::ran;
    }
    ++statistics_.exits_fault;
    if (trap_.cause == host::TrapCause::memory && mode_.has<TranslationMode::Window>()) return mend_window();
    // Whatever it was, the interpreter finds the exact fault, or does what the code could not.
    note_difficulty(pc());
    return Ended::one_more;
}

} // namespace ring3
