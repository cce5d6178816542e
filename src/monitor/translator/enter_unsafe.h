// The jump from C++ into emitted code.
#pragma once

#include "monitor/cpu/state.h"
#include "monitor/translator/assembler.h"

namespace ring3 {

/// Calls the thunk `enter`. With `load_fpu` the guest's vector state is brought into the processor first.
void enter_translated(HostPc enter, GuestCpu& cpu, bool load_fpu);

} // namespace ring3
