// The instructions that emitted code may consist of, and the prefixes that may stand before them.
#pragma once

#include <Zydis/Zydis.h>

namespace ring3 {

/// An instruction and its operands, visible and hidden.
struct Decoded {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/// Why it is refused, whatever its operands are; nullptr if it is not.
char const* refused_instruction(ZydisDecodedInstruction const& insn);

bool is_branch(ZydisDecodedInstruction const& insn);
inline bool is_string(ZydisDecodedInstruction const& insn) {
    return insn.meta.category == ZYDIS_CATEGORY_STRINGOP;
}

} // namespace ring3
