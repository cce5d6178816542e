// x87 control: words, waiting, initialisation (SDM 1 8.3.11). The environment is x87_environment.h's.
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

Outcome fwait(Vcpu& v, insn::Insn const& insn);
Outcome fninit(Vcpu& v, insn::Insn const& insn);
Outcome fnclex(Vcpu& v, insn::Insn const& insn);
Outcome fnstsw_ax(Vcpu& v, insn::Insn const& insn);
Outcome fnstsw_memory(Vcpu& v, insn::Insn const& insn);
Outcome fnstcw(Vcpu& v, insn::Insn const& insn);
Outcome fldcw(Vcpu& v, insn::Insn const& insn);
/// FENI, FDISI, FSETPM of the 8087 and 287: nothing, but #NM like all the others.
Outcome x87_without_effect(Vcpu& v, insn::Insn const& insn);

} // namespace ring3
