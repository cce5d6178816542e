#include "insn/disassemble.h"

#include <Zydis/Zydis.h>

namespace ring3::insn {
namespace {

/// The code segment's size, which the text depends on: an attribute and its prefix say it together.
bool is_32bit_code(Insn const& insn) {
    return (insn.address_width == 4) != insn.address_prefix;
}

} // namespace

std::string disassemble(Insn const& insn, u32 eip) {
    ZydisDecoder decoder;
    ZydisFormatter formatter;
    ZydisDecodedInstruction decoded;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char text[128];
    auto const mode = is_32bit_code(insn) ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16;
    auto const stack = is_32bit_code(insn) ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16;
    bool const done =
        ZYAN_SUCCESS(ZydisDecoderInit(&decoder, mode, stack)) &&
        ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL)) &&
        ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, insn.bytes, insn.length, &decoded, operands)) &&
        ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &decoded, operands, decoded.operand_count_visible,
                                                     text, sizeof text, eip, nullptr));
    // The few encodings that Zydis does not know keep at least their name.
    return done ? std::string{text} : std::string{insn.def->name};
}

} // namespace ring3::insn
