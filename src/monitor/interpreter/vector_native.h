// The routines of Op::x87 and Op::vector: checks, operands, the run on the host processor, results.
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

Handler pick_x87(insn::Insn const& insn);
Handler pick_vector(insn::Insn const& insn);

/// The answer to an unmasked SIMD floating-point exception: #XM, or #UD if the OS does not know of it (SDM 1 11.5.1).
Outcome simd_exception(Vcpu const& v);

} // namespace ring3
