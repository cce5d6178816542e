// Saving and restoring the vector state to memory: FXSAVE, FXRSTOR (SDM 1 10.5), XSAVE, XSAVEOPT, XRSTOR in standard
// form (SDM 1 13.7-13.9), and MXCSR alone.
//
// Outside 64-bit mode only XMM0-7 and YMM0-7 move; the bytes of the upper eight are left alone in memory and in the
// state. FXSAVE moves XMM and MXCSR whether or not CR4.OSFXSR is set, as SDM leaves to the processor.
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

Outcome fxsave(Vcpu& v, insn::Insn const& insn);
Outcome fxrstor(Vcpu& v, insn::Insn const& insn);
Outcome xsave(Vcpu& v, insn::Insn const& insn);
Outcome xsaveopt(Vcpu& v, insn::Insn const& insn);
Outcome xrstor(Vcpu& v, insn::Insn const& insn);
Outcome ldmxcsr(Vcpu& v, insn::Insn const& insn);
Outcome stmxcsr(Vcpu& v, insn::Insn const& insn);

} // namespace ring3
