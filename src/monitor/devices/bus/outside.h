// What a board needs from outside itself: the far ends of its serial lines, and somebody who acts on its power button.
// The monitor implements these over the driver; tests implement them with plain variables.
#pragma once

#include "base/types.h"

namespace ring3 {

/// Where characters go that a UART, a printer port or the debug console sends.
class CharSink {
public:
    virtual ~CharSink() = default;
    /// False while the far end is full: the device keeps its transmitter busy and asks again.
    virtual bool ready() { return true; }
    virtual void write(u8 character) = 0;
    /// Modem control lines as the guest sets them (SDM of the 16550: MCR bits 0, 1).
    virtual void set_modem_lines(bool /*dtr*/, bool /*rts*/) {}
    virtual void set_break(bool /*on*/) {}
};

/// What a guest can do to its machine as a whole.
class PowerSwitch {
public:
    virtual ~PowerSwitch() = default;
    virtual void power_off() = 0;                // ACPI S5
    virtual void reset() = 0;                    // 8042, port 92h, CF9h
    virtual void debug_exit(u32 value) = 0;      // isa-debug-exit: process status (value << 1) + 1
    virtual void set_exit_status(u8 status) = 0; // `ring3 run -- CMD`: the command's status, used at power_off()
    virtual void input_wanted() = 0;             // `ring3 run`: the guest's shell is ready for input
};

} // namespace ring3
