// What x87 remembers of the last instruction that was not a control instruction: where it is, where its operand was,
// its opcode (SDM 1 8.1.8, 8.1.9). The host's own values are addresses of ours, so the guest's are kept here.
//
// Two bits of CPUID leaf 7 say how a processor keeps them, and we follow what the guest's CPUID says:
//     EBX[6]   FDP_EXCPTN_ONLY       the data pointer changes only when an unmasked exception occurs
//     EBX[13]  deprecates FCS, FDS   both read as zero
// The opcode is kept for unmasked exceptions only, as on processors since Pentium 4 (SDM 1 8.1.9.1).
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

/// To be called after the instruction ran, before eip moves on.
void remember_x87_instruction(Vcpu& v, insn::Insn const& insn);

/// After pointers were loaded from memory: what the processor cannot hold reads as zero.
void sanitize_x87_pointers(Vcpu& v);

} // namespace ring3
