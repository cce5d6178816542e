// Platform: what a processor sees of the board it sits on. The board implements it; tests use a small one of their own.
#pragma once

#include "base/types.h"

namespace ring3 {

class Platform {
public:
    virtual ~Platform() = default;

    // ---- ports (SDM 1 19). 1, 2 or 4 bytes; every port and width is answered: an unclaimed one reads as all ones.
    virtual u32 port_read(u16 port, unsigned bytes) = 0;
    virtual void port_write(u16 port, u32 value, unsigned bytes) = 0;

    // ---- interrupts
    /// Is an interrupt waiting that could be delivered if IF allows?
    virtual bool interrupt_pending() = 0;
    /// The processor accepts it: the vector to deliver (SDM 3A 6.3.2; the 8259's INTA cycles, or the local APIC's).
    virtual u8 acknowledge_interrupt() = 0;
    /// CR0.NE = 0 and an x87 error is pending: raise (or drop) FERR#, which PCs wire to IRQ 13.
    virtual void set_ferr(bool raised) = 0;

    // ---- time
    /// The time-stamp counter before the guest's own offset; it stands still while the VM is paused.
    virtual u64 tsc() = 0;
    /// The same time in virtual nanoseconds.
    virtual u64 now() { return tsc(); }

    // ---- model-specific registers that belong to the board (local APIC). False: no such register, #GP(0).
    virtual bool msr_read(u32 index, u64& value) = 0;
    virtual bool msr_write(u32 index, u64 value) = 0;

    /// INIT or reset of this processor wants to happen, or the VM should pause or end: leave the run loop soon.
    virtual bool stop_requested() = 0;
};

} // namespace ring3
