// Delivery of events: one attempt after the other, until a handler is entered or the processor shuts down (SDM 3A 6).
#include "monitor/interpreter/event.h"

namespace ring3 {

namespace {

/// SDM 3A table 6-4.
enum class Severity : u8 { benign, contributory, page_fault, double_fault };

Severity severity(Event const& event) {
    if (event.kind != EventKind::exception) return Severity::benign;
    switch (static_cast<Vector>(event.vector)) {
    case Vector::de:
    case Vector::ts:
    case Vector::np:
    case Vector::ss:
    case Vector::gp: return Severity::contributory;
    case Vector::pf: return Severity::page_fault;
    case Vector::df: return Severity::double_fault;
    default: return Severity::benign;
    }
}

/// SDM 3A table 6-5: what becomes of a fault during the delivery of another event.
enum class Escalation : u8 { serial, double_fault, shutdown };

Escalation escalation(Severity first, Severity second) {
    if (second == Severity::benign || first == Severity::benign) return Escalation::serial;
    if (first == Severity::double_fault) return Escalation::shutdown;
    if (first == Severity::contributory && second == Severity::page_fault) return Escalation::serial;
    return Escalation::double_fault;
}

/// SDM 3B 18.3.1.1: faults push RF = 1, so that the instruction may be resumed without its breakpoint. #DB is a fault
/// only when MOV DR met DR7.GD (an instruction breakpoint pushes RF as it is, that is, 0).
bool pushes_resume_flag(GuestCpu const& cpu, Event const& event) {
    if (event.kind != EventKind::exception) return false;
    switch (static_cast<Vector>(event.vector)) {
    case Vector::db: return (cpu.pending_debug & Dr6::BD::mask) != 0;
    case Vector::bp:
    case Vector::of:
    case Vector::df:
    case Vector::mc: return false;
    default: return true;
    }
}

EventFrame frame_for(Vcpu const& vcpu, Event const& event) {
    bool const after = event.kind == EventKind::software || event.kind == EventKind::icebp;
    u32 const flags = vcpu.cpu.eflags.raw | (pushes_resume_flag(vcpu.cpu, event) ? u32{Eflags::RF::mask} : 0);
    return {static_cast<u32>(after ? vcpu.next_eip : vcpu.cpu.eip), flags};
}

/// What an exception leaves in CR2, DR6 and DR7, whether or not its handler can be entered.
void note_exception(Vcpu& vcpu, Event const& event) {
    GuestCpu& cpu = vcpu.cpu;
    if (event.is(Vector::pf)) {
        cpu.cr2 = static_cast<u32>(vcpu.mmu.fault_address().raw);
        vcpu.record(TraceKind::page_fault, cpu.cr2, event.error);
    }
    bool const debug = event.is(Vector::db) || event.kind == EventKind::icebp;
    if (!debug) return;
    // SDM 3B 18.2.3: the B bits tell of this exception only; BD, BS and BT accumulate until software clears them.
    if (cpu.pending_debug != 0) cpu.dr6.raw = (cpu.dr6.raw & ~u32{Dr6::B::mask}) | cpu.pending_debug;
    cpu.pending_debug = 0;
    cpu.dr7 = cpu.dr7.with<Dr7::GD>(0);
}

/// SDM 3A 6.13: EXT is set in error codes when the event was not asked for by the program.
Outcome with_ext(Outcome fault, Event const& event) {
    bool const ext = event.kind != EventKind::software;
    Vector const v = fault.vector();
    bool const names_selector = v == Vector::ts || v == Vector::np || v == Vector::ss || v == Vector::gp;
    if (!ext || !names_selector || !fault.has_error()) return fault;
    return Outcome::fault(v, fault.error() | 1);
}

Outcome attempt(Vcpu& vcpu, Event const& event) {
    EventFrame const frame = frame_for(vcpu, event);
    note_exception(vcpu, event);
    Outcome const outcome =
        vcpu.cpu.protected_mode() ? deliver_protected(vcpu, event, frame) : deliver_real_mode(vcpu, event, frame);
    return outcome.is_fault() ? with_ext(outcome, event) : outcome;
}

Event event_of(Outcome fault) {
    return {static_cast<u8>(fault.vector()), EventKind::exception, fault.has_error(), fault.error()};
}

} // namespace

Outcome Vcpu::deliver(u8 vector, EventKind kind, bool has_error, u32 error) {
    Event event{vector, kind, has_error, error};
    auto const trace_kind = kind == EventKind::exception ? TraceKind::exception : TraceKind::interrupt;
    if (listener) listener->event(*this, vector, kind, error);
    record(trace_kind, vector | u64{error} << 32, cpu.eip);
    cpu.halted = false;
    cpu.interrupt_shadow = false;
    cpu.debug_shadow = false;

    // Every round but a serial one gets worse, and serial ones alternate at most a few times. Only #AC can follow #AC
    // for ever (a handler at CPL 3 with a crooked stack); processors hang there, this one shuts down.
    constexpr unsigned most_rounds = 8;
    for (unsigned round = 0; round < most_rounds; ++round) {
        Outcome const outcome = attempt(*this, event);
        if (outcome.is_next()) {
            update_mode();
            return outcome;
        }
        Event const next = event_of(outcome);
        if (listener) listener->event(*this, next.vector, next.kind, next.error);
        record(TraceKind::exception, next.vector | u64{next.error} << 32, cpu.eip);
        switch (escalation(severity(event), severity(next))) {
        case Escalation::serial: event = next; break;
        case Escalation::double_fault:
            note_exception(*this, next);
            event = {static_cast<u8>(Vector::df), EventKind::exception, true, 0};
            break;
        case Escalation::shutdown:
            note_exception(*this, next);
            record(TraceKind::triple_fault, next.vector, cpu.eip);
            return Outcome::shutdown();
        }
    }
    record(TraceKind::triple_fault, event.vector, cpu.eip);
    return Outcome::shutdown();
}

Outcome Vcpu::deliver_fault(Outcome fault) {
    return deliver(static_cast<u8>(fault.vector()), EventKind::exception, fault.has_error(), fault.error());
}

} // namespace ring3
