// Vector accesses to memory of which a mask chooses parts: MASKMOVQ, MASKMOVDQU, VMASKMOV, VPMASKMOV, and gathers.
// What the mask leaves out is not accessed and cannot fault, so these are done here, piece by piece.
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

Outcome maskmov(Vcpu& v, insn::Insn const& insn);
Outcome vmaskmov(Vcpu& v, insn::Insn const& insn);
Outcome gather(Vcpu& v, insn::Insn const& insn);

} // namespace ring3
