// Text of instructions, for dumps, traces and tests.
#pragma once

#include "insn/insn.h"

#include <string>

namespace ring3::insn {

/// Intel-syntax text of a decoded instruction ("add eax, dword ptr [ebx+4]"); `eip` is its own offset in the code
/// segment, which relative branches show their target from.
std::string disassemble(Insn const& insn, u32 eip);

} // namespace ring3::insn
