// Ports as instructions see them: permission, the access, and breakpoints on it.
#pragma once

#include "monitor/interpreter/port_permission.h"

namespace ring3 {

/// SDM 3B 18.2.4: with CR4.DE a breakpoint may watch ports; #DB comes after the instruction.
void note_port_breakpoints(GuestCpu& cpu, u16 port, unsigned bytes);

inline u32 read_port(Vcpu& vcpu, u16 port, unsigned bytes) {
    note_port_breakpoints(vcpu.cpu, port, bytes);
    return vcpu.platform.port_read(port, bytes);
}
inline void write_port(Vcpu& vcpu, u16 port, u32 value, unsigned bytes) {
    note_port_breakpoints(vcpu.cpu, port, bytes);
    vcpu.platform.port_write(port, value, bytes);
}

} // namespace ring3
