// Which routine runs which instruction: chosen once, when an instruction is decoded.
//
// Each chapter of the interpreter lists its operations in a table of HandlerRow; the tables together must name every Op
// (a test holds that). `pick` chooses the routine's variant for the operand width and shape, so that a routine itself
// has no decision about them left.
#pragma once

#include "monitor/interpreter/vcpu.h"

#include <optional>
#include <span>

namespace ring3 {

struct HandlerRow {
    insn::Op op;
    Handler (*pick)(insn::Insn const&);
};

/// The routine for a decoded instruction. Never null: what this CPU model lacks, and every combination that no routine
/// takes, is a routine that raises #UD.
Handler pick_handler(insn::Insn const& insn, CpuModel const& model);

/// An Op that no chapter's table names; a test holds that there is none.
std::optional<insn::Op> first_op_without_routine();

} // namespace ring3
