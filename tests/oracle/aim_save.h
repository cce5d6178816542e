// Aims at save areas of the XSAVE family, around what the manual leaves to processors there.
#pragma once

#include "insn/op.h"
#include "monitor/interpreter/fpu_state.h"
#include "tests/oracle/random.h"

#include <vector>

namespace ring3::oracle {

inline bool is_xsave(insn::Op op) {
    return op == insn::Op::xsave || op == insn::Op::xsaveopt || op == insn::Op::xrstor;
}

/// Where the area lies, from the start of the data: all of one kind of memory, as which bytes of it are touched is left to
/// processors (SDM 1 13.13). XRSTOR's header is to be poked there: the host takes more components than guests have.
u32 save_area_offset(Random& random, insn::Op op);
/// A header that XRSTOR takes, mostly.
std::vector<u8> save_area_header(Random& random);
/// Whether a component that holds its initial values is in use, is left to processors (SDM 1 13.6). So the state of x87
/// and SSE becomes another, and that of AVX is made initial by XRSTOR or becomes another.
void set_components_in_use(Random& random, XImage& state);

} // namespace ring3::oracle
