// What the TSS says about ports and about interrupts of virtual-8086 programs (SDM 1 19.5.2; 3B 20.3.3).
//
//     TSS + 66H --> I/O map base:   base - 32 .. base - 1   interrupt redirection map, one bit for each vector
//                                   base ..                 I/O permission map, one bit for each port
#pragma once

#include "monitor/interpreter/protection.h"

namespace ring3 {

/// #GP(0) unless the program may access `bytes` ports from `port` on: by IOPL, else by the permission map.
Outcome check_port_permission(Vcpu& vcpu, u16 port, unsigned bytes);

/// With CR4.VME: does INT n of a virtual-8086 program go to the program's own handler (bit = 0)?
Outcome interrupt_is_redirected(Vcpu& vcpu, u8 vector, bool& redirected);

} // namespace ring3
