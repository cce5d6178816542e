// What the engine does when translated code comes back.
#include "base/assert.h"
#include "host/alu.h"
#include "insn/operands.h"
#include "monitor/translator/engine.h"

namespace ring3 {

namespace {
constexpr u64 cost_of_miss = 150; // nanoseconds
} // namespace

std::optional<Engine::Ended> Engine::after_exit(Outcome& outcome) {
    switch (ExitKind(context_.exit_kind)) {
    case ExitKind::link: return follow_link();
    case ExitKind::indirect: return follow_indirect();
    case ExitKind::soft_access: return left_by(refill());
    case ExitKind::trap: return left_by(trapped());
    case ExitKind::callout:
    case ExitKind::count_: break;
    }
    ++statistics_.exits_callout;
    outcome = std::exchange(left_with_, Outcome::next());
    return outcome.is_next() || outcome.kind() == Outcome::Kind::leave ? Ended::ran : Ended::unusual;
}

/// A direct exit: from now on it jumps to its successor by itself, if there is one.
std::optional<Engine::Ended> Engine::follow_link() {
    ++statistics_.exits_unlinked;
    LinkRecord const record = records_.links[context_.r9];
    set_pc(record.target);
    CodeKey key;
    if (!locate(key).is_next()) return Ended::ran; // the fault is found again, and delivered
    u64 const epoch = epoch_;
    Entry* const entry = ready_entry(key);
    if (!entry) return Ended::ran;
    // A flush for the new block has taken the jump with it.
    if (epoch == epoch_ && options_.optimize.link && !verifies()) {
        cache_->write_relative(record.field, entry->for_links(record.fpu_valid));
        ++statistics_.links;
    }
    if (verifies()) return Ended::ran;
    resume_ = {entry->host, 0, false};
    return std::nullopt;
}

/// An indirect jump: its target is entered into the jump table.
std::optional<Engine::Ended> Engine::follow_indirect() {
    ++statistics_.exits_indirect;
    set_place(static_cast<u32>(context_.r8));
    space_->note_miss(static_cast<u32>(context_.r8));
    CodeKey key;
    if (!locate(key).is_next()) return Ended::ran;
    Entry* const entry = ready_entry(key);
    if (!entry || verifies()) return Ended::ran;
    // A space of global pages must not lead to others.
    if (root_for(key.eip) != space_->root && space_->root == JumpSpace::global_root) return std::nullopt;
    space_->note_page(key.eip, key.where);
    if (options_.optimize.link) make_known(key, *entry, *space_);
    resume_ = {entry->host, 0, false};
    return std::nullopt;
}

/// r12 is in gpr[esp] as the code had it: from here on the guest's state is exact for this point.
void Engine::arrive_at(Point const& point) {
    GuestCpu& cpu = vcpu_.cpu;
    if (FoldedFlags const folded = point.folded; folded.amount != 0) {
        auto const amount = static_cast<u32>(i32{folded.amount});
        auto const after = static_cast<u32>(cpu.gpr[esp]) + static_cast<u32>(i32{folded.at});
        if (folded.subtracts)
            host::Sub{}(after + amount, amount, cpu.eflags.raw);
        else
            host::Add{}(after - amount, amount, cpu.eflags.raw);
    }
    counted_ = point.counted;
    set_pc(point.eip);
    cpu.gpr[esp] = with_esp_moved(cpu.gpr[esp], point.esp_delta);
}

/// If the code does not go on where it was left, what was counted ahead there has not run.
std::optional<Engine::Ended> Engine::left_by(std::optional<Ended> ended) {
    if (ended) (counted_.inlined ? context_.inlined : context_.direct) -= counted_.length;
    return ended;
}

/// The software TLB missed: fill it and try again, or let the interpreter do the access.
std::optional<Engine::Ended> Engine::refill() {
    AccessRecord const record = records_.accesses[context_.r9];
    CodeBlock const* const block = cache_->block_at(record.retry);
    ASSERT(block != nullptr);
    Point const& point = block->point_at(record.retry);
    arrive_at(point);
    if (record.size == 0) { // beyond its segment's limit, or so it seems
        note_difficulty(point.eip);
        return interpret_here();
    }
    Linear const address{context_.r8 & 0xffff'ffff};
    bool const crosses = address.page_offset() + record.size > page_size;
    Access const access = record.write ? Access::write : Access::read;
    // An instruction with two operands whose pages share a place of the TLB would drive them out by turns.
    constexpr unsigned most_refills = 4;
    refills_ = record.retry == refilled_ ? refills_ + 1 : 0;
    refilled_ = record.retry;
    if (refills_ >= most_refills || crosses) return interpret_here();
    switch (vcpu_.mmu.fill_for_code(address, access, vcpu_.privilege())) {
    case Mmu::Fill::ready: break;
    case Mmu::Fill::slow: note_difficulty(point.eip); return interpret_here();
    case Mmu::Fill::fault: ++statistics_.true_faults; return interpret_here();
    }
    ++statistics_.soft_misses;
    charge_software(cost_of_miss);
    if (point.no_stop) return Ended::one_more; // entering again could meet an interrupt first
    resume_ = {record.retry, point.esp_delta, point.fpu_valid};
    return std::nullopt;
}

Engine::Ended Engine::interpret_here() {
    refilled_ = 0;
    return Ended::one_more;
}

/// An instruction that keeps ending in the interpreter is better called out than tried first.
void Engine::note_difficulty(u32 eip) {
    constexpr u8 patience = 8;
    constexpr std::size_t most = 4096;
    GuestPhys where;
    if (!vcpu_.mmu.peek({eip}, where) || !fails_again(where, patience)) return;
    if (difficult_.size() >= most) difficult_.clear();
    difficult_[where.raw] = 1;
    ++statistics_.reemitted_blocks;
    drop_code(where.page());
}

/// Counts a failure of the instruction at `where`; true when it is one too many.
bool Engine::fails_again(GuestPhys where, u8 patience) {
    u8& failures = failures_[where.raw * 0x9e37'79b9'7f4a'7c15 >> 52];
    if (++failures < patience) return false;
    failures = 0;
    return true;
}

// ---- callouts -----------------------------------------------------------------------------------------------------

u64 Engine::callout_entry(Engine* engine, u64 record) {
    engine->entering_.store(false, std::memory_order_relaxed);
    CalloutRecord& callout = engine->records_.callouts[record];
    bool const flags_matter = callout.kind == CalloutKind::any;
    if (flags_matter) engine->take_flags();
    u64 const where = engine->run_callout(callout);
    if (flags_matter) engine->give_flags();
    engine->entering_.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!engine->preempted_.load(std::memory_order_relaxed)) return where;
    constexpr u64 go_on = 0, leave = 1;
    if (where == go_on) engine->drop_return_address();
    return leave;
}

/// What a callout's CALL has left on the stack of returns will not be used.
void Engine::drop_return_address() {
    context_.return_sp += sizeof(HostPc);
    space_->return_sp = context_.return_sp;
}

/// Runs the instruction by its routine. 0: go on behind the call; 1: leave, left_with_ says why.
u64 Engine::run_callout(CalloutRecord& record) {
    constexpr u64 go_on = 0, leave = 1;
    GuestCpu& cpu = vcpu_.cpu;
    u64 const epoch = epoch_;
    vcpu_.mmu.attention = false;
    if (mode_.shared())
        if (TranslationMode const mode = numbered(mode_)) mode_ = mode;
    u32 const eip = record.eip - code_base();
    cpu.eip = eip;
    Eflags const before = cpu.eflags;
    Outcome outcome = Outcome::next();
    do {
        vcpu_.next_eip = u64{eip} + record.insn.length;
        outcome = record.handler(vcpu_, record.insn);
    } while (outcome.kind() == Outcome::Kind::again && !preempted_.load(std::memory_order_relaxed) &&
             !vcpu_.mmu.attention);
    if (!outcome.is_fault()) ++statistics_.callouts;
    if (record.counted) --context_.inlined;
    bool const completed = outcome.is_next() || outcome.kind() == Outcome::Kind::leave ||
                           outcome.kind() == Outcome::Kind::halt || outcome.kind() == Outcome::Kind::stop;
    if (completed) cpu.eip = vcpu_.next_eip;
    if (faulted_.waits && record.insn.def->op == insn::Op::iret) anticipate_retry();
    left_with_ = outcome.kind() == Outcome::Kind::again ? Outcome::leave() : outcome;
    bool const done = outcome.is_next() || outcome.kind() == Outcome::Kind::leave;
    bool const straight = cpu.eip == u64{eip} + record.insn.length;
    if (done && straight && may_go_on(record, epoch, before)) return go_on;
    drop_return_address();
    return done ? way_elsewhere(record).value_or(leave) : leave;
}

/// The code that belongs to the processor's new state, if it is known already: a change of privilege level, mode or
/// address space then needs no turn of the dispatcher.
std::optional<HostPc> Engine::way_elsewhere(CalloutRecord& record) {
    GuestCpu& cpu = vcpu_.cpu;
    if (event_waits() || vcpu_.mmu.attention || stepping_needed() || verifies() || !options_.optimize.link)
        return std::nullopt;
    TranslationMode mode = after_segment_load(record);
    if (!mode) {
        mode = record.kind == CalloutKind::fast_call ? behind_fast_call() : current_mode();
        if (!mode) return std::nullopt;
        choose_window(mode);
    }
    if (mode.shared() && !(mode = numbered(mode))) return std::nullopt;
    KnownWay& known = record.way;
    if (HostPc const way = go_the_known_way(known, mode)) return way;
    Linear const eip{pc()};
    GuestPhys where;
    if (!vcpu_.mmu.fetch(eip, vcpu_.privilege(), where).is_next()) return std::nullopt;
    JumpSpace& space = space_for(mode, eip);
    Entry const* const entry = cache_->find({where, eip, mode});
    if (!entry || entry->block->tail.raw != 0) return std::nullopt;
    mode_ = mode;
    use(space);
    space.note_page(eip, where);
    left_with_ = Outcome::next();
    known = {entry->host, static_cast<u32>(cpu.eip), mode, &space, space.generation(), epoch_};
    return entry->host;
}

/// The mode behind a load of a data segment register, which changes nothing else of it; no mode, if it is none.
TranslationMode Engine::after_segment_load(CalloutRecord const& record) const {
    if (record.kind != CalloutKind::data_segment) return {};
    return mode_.with_segment(record.segment, vcpu_.cpu.seg(record.segment).kind);
}

/// The mode behind SYSENTER or SYSEXIT, without Window: CS and SS are flat, the rest of it is as it was.
TranslationMode Engine::behind_fast_call() {
    GuestCpu const& cpu = vcpu_.cpu;
    if (mode_.segmented() || (cpu.cr0.has<Cr0::AM>() && cpu.eflags.has<Eflags::AC>())) return current_mode();
    return mode_.with<TranslationMode::User>(cpu.cpl == 3)
        .with<TranslationMode::IoAllowed>(cpu.cpl <= cpu.eflags.get<Eflags::IOPL>())
        .with<TranslationMode::Window>(0);
}

/// The way that was found last, if it is the same again and everything that was looked up for it still holds; else 0.
HostPc Engine::go_the_known_way(KnownWay const& way, TranslationMode mode) {
    GuestCpu const& cpu = vcpu_.cpu;
    bool const same = way.host != 0 && way.eip == static_cast<u32>(cpu.eip) && way.mode == mode;
    if (!same || way.epoch != epoch_ || way.generation != way.space->generation() || way.space->unverified) return 0;
    u64 const root = cpu.paging() ? cpu.cr3.raw : 0;
    if (way.space->root != root && way.space->root != JumpSpace::global_root) return 0;
    mode_ = mode;
    use(*way.space);
    left_with_ = Outcome::next();
    return way.host;
}

/// Does the code behind the callout still fit the processor's state?
bool Engine::may_go_on(CalloutRecord const& record, u64 epoch, Eflags before) {
    GuestCpu& cpu = vcpu_.cpu;
    if (epoch != epoch_ || space_->unverified || record.leaves) return false;
    if (vcpu_.mmu.attention) {
        look_for_events();
        if (vcpu_.platform.stop_requested()) return false;
    }
    insn::Op const op = record.insn.def->op;
    // Flat code does not mind a clear DF where it was made for a set one: then strings are called out.
    bool const turns = op == insn::Op::std || (op == insn::Op::cld && mode_.segmented());
    bool const plain = record.insn.def->ends == insn::Ends::no && !turns;
    if (event_waits()) return false;
    if (plain) return true;
    if (TranslationMode const mode = after_segment_load(record)) return mode == mode_;
    if (popf_keeps_mode(record.insn, before)) return true;
    // The shadow of STI and MOV SS ends with the next instruction, at whose start nothing stops (Point::no_stop).
    cpu.interrupt_shadow = cpu.debug_shadow = false;
    if (stepping_needed()) return false;
    if (mode_.has<TranslationMode::Window>() && shadow_->base(vcpu_.privilege()) != window_) return false;
    TranslationMode const mode = current_mode();
    return mode && (mode.raw | (mode_.raw & TranslationMode::Window::mask)) == mode_.raw;
}

/// A POPF that has changed nothing that code depends on.
bool Engine::popf_keeps_mode(insn::Insn const& insn, Eflags before) const {
    constexpr u32 sensitive =
        mask_of<Eflags::TF, Eflags::DF, Eflags::IOPL, Eflags::NT, Eflags::RF, Eflags::VM, Eflags::AC>();
    GuestCpu const& cpu = vcpu_.cpu;
    return insn.def->op == insn::Op::popf && ((before.raw ^ cpu.eflags.raw) & sensitive) == 0 && !cpu.interrupt_shadow;
}

/// Would the dispatcher deliver something now? An NMI waits for no flag, but for the IRET of the one before it.
bool Engine::event_waits() const {
    return (context_.event_pending != 0 && vcpu_.cpu.eflags.has<Eflags::IF>()) || vcpu_.nmi_waiting();
}

/// Only an access to a device, or a signal, can have changed what waits.
void Engine::look_for_events() {
    context_.event_pending = vcpu_.platform.interrupt_pending() || vcpu_.nmi_waiting();
}

} // namespace ring3
