// One event on its way to its handler (SDM 3A 6). Vcpu::deliver() folds nested faults; the functions here each make one
// attempt through the IVT (real-address mode) or the IDT, and either commit wholly or return the fault that stopped it.
#pragma once

#include "monitor/interpreter/protection.h"

namespace ring3 {

struct Event {
    u8 vector{};
    EventKind kind{EventKind::exception};
    bool has_error{};
    u32 error{};

    bool is(Vector v) const { return kind == EventKind::exception && vector == static_cast<u8>(v); }
    /// The error code of a fault about this event's own IDT entry (SDM 3A 6.13).
    u16 idt_error() const { return static_cast<u16>(vector * 8 + 2); }
};

/// eip and EFLAGS as the handler's frame (or the outgoing TSS) will hold them.
struct EventFrame {
    u32 eip{};
    u32 eflags{};
};

Outcome deliver_real_mode(Vcpu& vcpu, Event const& event, EventFrame frame);
Outcome deliver_protected(Vcpu& vcpu, Event const& event, EventFrame frame);

/// Goes on at `eip`: what the run loop holds and what the guest sees become the same.
inline void commit_eip(Vcpu& vcpu, u32 eip) {
    vcpu.cpu.eip = eip;
    vcpu.next_eip = eip;
}

} // namespace ring3
