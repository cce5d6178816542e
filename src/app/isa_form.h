// One row of the instruction table as an experiment: its bytes, and registers, stack and data with which it can show what
// it does in user mode. Whatever the row does not fix is chosen so that nothing but the instruction's own nature can stop
// it: selectors of the host's user segments, memory that is there, a target behind the instruction itself.
#pragma once

#include "host/isa_probe.h"
#include "insn/insn.h"

#include <string>
#include <vector>

namespace ring3::app {

/// The row's encoding. Memory operands are [EDI], register operands ECX; a far target is `target`.
std::vector<u8> encode_form(insn::InsnDef const& row, u32 target);

/// "sgdt ptr [edi]": the same as text, with a target of 0.
std::string form_text(insn::InsnDef const& row);

/// Fills the probe's data and stack, and gives the registers to begin with.
host::ProbeRegisters prepare_form(insn::InsnDef const& row, host::IsaProbe& probe, u32 target);

/// What an instruction that ran did or showed, for a person.
std::string observe_form(insn::InsnDef const& row, host::ProbeRegisters const& after, host::IsaProbe& probe);

} // namespace ring3::app
