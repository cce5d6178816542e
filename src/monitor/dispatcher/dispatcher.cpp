#include "monitor/dispatcher/dispatcher.h"

#include <algorithm>

namespace ring3 {

Dispatcher::Dispatcher(Vcpu& vcpu, Host& host) : vcpu_{vcpu}, host_{host}, cache_{vcpu.mmu, vcpu.model} {
    vcpu_.mmu.memory().set_code_watcher(this);
}

Dispatcher::~Dispatcher() {
    vcpu_.mmu.memory().set_code_watcher(nullptr);
}

void Dispatcher::code_page_written(GuestPhys page) {
    cache_.code_page_written(page);
    if (engine_) engine_->drop_code(page);
}

Dispatcher::Exit Dispatcher::run() {
    for (;;) {
        bool const asked = engine_ && engine_->take_preemption();
        if (asked || until_service_ <= 0 || vcpu_.platform.stop_requested()) {
            until_service_ = service_interval;
            if (!host_.service()) return Exit::stopped;
        }
        if (vcpu_.cpu.halted && !wake()) return Exit::halted;
        bool delivered = false;
        Step step = deliver_pending_event(delivered);
        if (!delivered && step == Step::go_on) step = needs_stepping() ? run_stepping() : run_normally();
        if (step == Step::go_on) [[likely]]
            continue;
        until_service_ = 0;
        if (step == Step::halted) return Exit::halted;
        return step == Step::shutdown ? Exit::shutdown : Exit::stopped;
    }
}

// ---- events between instructions (SDM 3A 6.9) -----------------------------------------------------------------

bool Dispatcher::wake() {
    bool const interrupt = vcpu_.cpu.eflags.has<Eflags::IF>() && vcpu_.platform.interrupt_pending();
    if (interrupt || vcpu_.nmi_waiting()) vcpu_.cpu.halted = false;
    return !vcpu_.cpu.halted;
}

Dispatcher::Step Dispatcher::deliver_pending_event(bool& delivered) {
    GuestCpu& cpu = vcpu_.cpu;
    if (cpu.interrupt_shadow) return Step::go_on;
    if (cpu.pending_debug != 0) [[unlikely]] {
        // The T bit of a task that was just entered: before its first instruction (SDM 3A 8.3).
        delivered = true;
        return finish(vcpu_.deliver(static_cast<u8>(Vector::db), EventKind::exception, false, 0));
    }
    if (vcpu_.nmi_waiting()) [[unlikely]] {
        vcpu_.take_nmi();
        delivered = true;
        return finish(vcpu_.deliver(static_cast<u8>(Vector::nmi), EventKind::external, false, 0));
    }
    if (!cpu.eflags.has<Eflags::IF>() || !vcpu_.platform.interrupt_pending()) return Step::go_on;
    delivered = true;
    ++counters_.interrupts;
    return finish(vcpu_.deliver(vcpu_.platform.acknowledge_interrupt(), EventKind::external, false, 0));
}

Dispatcher::Step Dispatcher::fault(Outcome outcome) {
    ++counters_.faults;
    return finish(vcpu_.deliver_fault(outcome));
}

/// What an Outcome that is not a fault means for the loop.
Dispatcher::Step Dispatcher::finish(Outcome outcome) {
    switch (outcome.kind()) {
    case Outcome::Kind::next:
    case Outcome::Kind::leave:
    case Outcome::Kind::again: return Step::go_on;
    case Outcome::Kind::fault: return fault(outcome);
    case Outcome::Kind::halt:
        ++counters_.halts;
        vcpu_.cpu.halted = true;
        return Step::go_on; // run() looks for something that wakes it
    case Outcome::Kind::shutdown: return Step::shutdown;
    case Outcome::Kind::stop: return Step::stopped;
    }
    return Step::stopped;
}

// ---- finding code -----------------------------------------------------------------------------------------------

/// How many bytes of code there may be from EIP on. A segment of 4 GiB has no end: EIP goes on at 0 (SDM 3A 5.3 leaves that
/// to the processor; all known ones do).
static u64 bytes_to_the_end(GuestCpu const& cpu) {
    u64 const limit = cpu.seg(SegmentName::cs).limit;
    return limit == 0xffff'ffff ? ~u64{0} : limit - cpu.eip + 1;
}

Outcome Dispatcher::find_block(Block const*& block) {
    GuestCpu& cpu = vcpu_.cpu;
    Segment const& cs = cpu.seg(SegmentName::cs);
    if (cpu.eip > cs.limit) [[unlikely]]
        return Outcome::fault(Vector::gp, 0);
    Linear const start{static_cast<u32>(cs.base + cpu.eip)};
    GuestPhys where;
    TRY_GUEST(vcpu_.mmu.fetch(start, vcpu_.privilege(), where));
    DecodeMode const mode = DecodeMode::of(cpu);
    BlockKey const key = BlockKey::of(where, mode);
    block = cache_.find(key);
    if (block && block->has_tail()) {
        // The second page may be mapped elsewhere by now, or not at all.
        GuestPhys tail;
        TRY_GUEST(vcpu_.mmu.fetch(Linear{static_cast<u32>(start.page().raw + page_size)}, vcpu_.privilege(), tail));
        if (tail != block->tail) block = nullptr;
    }
    if (block && block->bytes <= bytes_to_the_end(cpu)) [[likely]]
        return Outcome::next();
    return decode_block(key, mode, start, where, block);
}

Outcome Dispatcher::decode_block(BlockKey key, DecodeMode mode, Linear start, GuestPhys where, Block const*& block) {
    // The last byte of the segment is as far as code goes; a page is as far as a block goes.
    u64 const in_segment = bytes_to_the_end(vcpu_.cpu);
    u64 const on_page = page_size - where.page_offset();
    std::array<u8, DecodeCache::most_bytes> bytes;
    std::span<u8> const head{bytes.data(), std::min({in_segment, on_page, u64{bytes.size()}})};
    vcpu_.mmu.memory().read_bytes(where, head);
    DecodeCache::Source source{where, head, {}, {}};
    block = cache_.insert(key, mode, source);
    if (!block && in_segment > on_page) {
        GuestPhys tail_start;
        Linear const next{static_cast<u32>(start.page().raw + page_size)};
        TRY_GUEST(vcpu_.mmu.fetch(next, vcpu_.privilege(), tail_start));
        std::array<u8, 16> tail;
        vcpu_.mmu.memory().read_bytes(tail_start, tail);
        source.tail_start = tail_start;
        source.tail = std::span{tail}.first(std::min<u64>(in_segment - on_page, tail.size()));
        block = cache_.insert(key, mode, source);
    }
    if (!block) return Outcome::fault(Vector::gp, 0); // the instruction runs over the segment's end
    return Outcome::next();
}

// ---- running code -----------------------------------------------------------------------------------------------

Dispatcher::Step Dispatcher::run_block(unsigned most_instructions) {
    Block const* block;
    if (Outcome const outcome = find_block(block); !outcome.is_next()) [[unlikely]]
        return fault(outcome);
    if (wants_blocks_) [[unlikely]]
        host_.entering_block(*block);

    GuestCpu& cpu = vcpu_.cpu;
    Mmu& mmu = vcpu_.mmu;
    unsigned const count = std::min<unsigned>(block->count, most_instructions);
    insn::Insn const* const insns = block->insns;
    Handler const* const handlers = block->handlers;
    mmu.attention = false;
    Outcome outcome = Outcome::next();
    unsigned i = 0;
    while (i < count) {
        insn::Insn const& insn = insns[i];
        vcpu_.next_eip = cpu.eip + insn.length;
        outcome = handlers[i](vcpu_, insn);
        if (!outcome.is_next()) [[unlikely]]
            break;
        cpu.eip = vcpu_.next_eip;
        ++i;
        if (mmu.attention) [[unlikely]]
            break;
    }
    cpu.eip = static_cast<u32>(cpu.eip); // from FFFFFFFFH to 0; that the segment may end before, find_block() sees
    last_insn_ = &insns[outcome.is_next() ? i - 1 : i];
    counters_.instructions += i;
    until_service_ -= i + 1;
    if (outcome.is_next()) [[likely]]
        return Step::go_on;
    if (outcome.is_fault()) return fault(outcome);
    // A repeated string instruction that is not done yet stays where it is.
    bool const completed = outcome.kind() != Outcome::Kind::again && outcome.kind() != Outcome::Kind::shutdown;
    if (completed) cpu.eip = static_cast<u32>(vcpu_.next_eip);
    counters_.instructions += 1;
    return finish(outcome);
}

/// Translated code, if there is any for where the processor is. False: the interpreter's turn.
bool Dispatcher::run_translated(Step& step) {
    Outcome outcome = Outcome::next();
    step = Step::go_on;
    switch (engine_->run(outcome)) {
    case Engine::Ended::cold: return false;
    case Engine::Ended::ran: return true;
    case Engine::Ended::one_more: step = run_block(1); return true;
    case Engine::Ended::unusual: break;
    }
    step = outcome.is_fault() ? fault(outcome) : finish(outcome);
    return true;
}

Dispatcher::Step Dispatcher::run_normally() {
    GuestCpu& cpu = vcpu_.cpu;
    Step step;
    if (engine_ && run_translated(step)) return step;
    if (!cpu.interrupt_shadow && !cpu.eflags.has<Eflags::RF>()) [[likely]]
        return run_block(DecodeCache::most_instructions);
    // One instruction in the shadow of STI or MOV SS, or with RF set: both end with it.
    cpu.interrupt_shadow = cpu.debug_shadow = false;
    cpu.eflags = cpu.eflags.with<Eflags::RF>(0);
    return run_block(1);
}

// ---- debugging: one instruction at a time (SDM 3B 18.3) ---------------------------------------------------------

bool Dispatcher::needs_stepping() const {
    GuestCpu const& cpu = vcpu_.cpu;
    return cpu.eflags.has<Eflags::TF>() || cpu.dr7.has<Dr7::Enables>() || cpu.pending_debug != 0;
}

bool Dispatcher::hits_execute_breakpoint() {
    GuestCpu& cpu = vcpu_.cpu;
    if (cpu.eflags.has<Eflags::RF>()) return false;
    u32 const here = static_cast<u32>(cpu.seg(SegmentName::cs).base + cpu.eip);
    u32 matches = 0, enabled = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (cpu.dr7.condition(i) != Dr7::Condition::execute || cpu.dr[i] != here) continue;
        matches |= 1u << i;
        if (cpu.dr7.enabled(i)) enabled |= 1u << i;
    }
    if (enabled == 0) return false;
    cpu.pending_debug |= matches; // deliver() moves them to DR6
    return true;
}

Dispatcher::Step Dispatcher::run_stepping() {
    GuestCpu& cpu = vcpu_.cpu;
    if (!cpu.interrupt_shadow && hits_execute_breakpoint()) return fault(Outcome::fault(Vector::db));

    bool const trap_flag = cpu.eflags.has<Eflags::TF>();
    bool const resume_flag = cpu.eflags.has<Eflags::RF>();
    cpu.interrupt_shadow = cpu.debug_shadow = false;
    cpu.eflags = cpu.eflags.with<Eflags::RF>(0);
    u64 const faults = counters_.faults;
    u64 const before = cpu.eip;
    Step const step = run_block(1);
    if (step != Step::go_on || counters_.faults != faults) return step;
    // A REP iteration that leaves more to do keeps RF: the instruction has not completed.
    if (resume_flag && cpu.eip == before && last_insn_->rep) cpu.eflags = cpu.eflags.with<Eflags::RF>(1);
    if (cpu.debug_shadow) return step; // after MOV SS or POP SS: held back until the next instruction is done

    // INT n has cleared TF on its way into the handler: no trap before the handler's first instruction.
    using insn::Op;
    Op const op = last_insn_->def ? last_insn_->def->op : Op::ud;
    bool const may_enter = op == Op::int_n || op == Op::int3 || op == Op::into || op == Op::int1;
    bool const enters_handler = may_enter && !cpu.eflags.has<Eflags::TF>();
    u32 bits = cpu.pending_debug;
    if (trap_flag && !enters_handler) bits |= static_cast<u32>(Dr6::BS::mask);
    if (bits == 0) return step;
    cpu.halted = false;
    cpu.pending_debug = bits; // deliver() moves them to DR6
    return finish(vcpu_.deliver(static_cast<u8>(Vector::db), EventKind::exception, false, 0));
}

} // namespace ring3
