// For tests: Zydis, as an independent reference for the table and the decoder.
#pragma once

#include "insn/decoder.h"
#include "insn/operands.h"

#include <Zydis/Zydis.h>

#include <array>
#include <optional>
#include <string>

namespace ring3::insn {

/// What a test hands to both decoders: always fifteen bytes.
using Bytes = std::array<u8, max_length>;

/// The bytes, then others that make recognisable displacements and immediates.
inline Bytes bytes_of(std::initializer_list<int> list) {
    Bytes bytes{};
    std::size_t i = 0;
    for (int byte : list) bytes[i++] = static_cast<u8>(byte);
    for (u8 value = 0x11; i < bytes.size(); value = static_cast<u8>(value + 0x11)) bytes[i++] = value;
    return bytes;
}

struct Reference {
    bool valid{};
    ZydisDecodedInstruction insn{};
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT]{};

    std::string_view mnemonic() const { return ZydisMnemonicGetString(insn.mnemonic); }
    bool is(ZydisMnemonic mnemonic) const { return insn.mnemonic == mnemonic; }
    bool is_vector() const { return insn.meta.exception_class != ZYDIS_EXCEPTION_CLASS_NONE; }

    ZydisDecodedOperand const* find(ZydisOperandType type) const {
        for (unsigned i = 0; i < insn.operand_count_visible; ++i)
            if (operands[i].type == type) return &operands[i];
        return nullptr;
    }
    /// The ModRM or moffs memory operand; Zydis has the implicit ones of strings among the operands, too.
    ZydisDecodedOperand const* memory() const {
        for (unsigned i = 0; i < insn.operand_count_visible; ++i)
            if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && operands[i].encoding != ZYDIS_OPERAND_ENCODING_NONE)
                return &operands[i];
        return nullptr;
    }
};

class ReferenceDecoder {
public:
    explicit ReferenceDecoder(unsigned default_size) {
        bool const wide = default_size == 4;
        ZydisDecoderInit(&decoder_, wide ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                         wide ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
        // Features that lie over NOPs, and that this machine does not have.
        for (auto mode : {ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_CLDEMOTE})
            ZydisDecoderEnableMode(&decoder_, mode, ZYAN_FALSE);
    }
    void decode(Bytes const& bytes, Reference& out) const {
        out.valid =
            ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder_, bytes.data(), bytes.size(), &out.insn, out.operands));
    }

private:
    ZydisDecoder decoder_{};
};

/// What differs between our decoding and the reference's, if anything does that is not on a list of known differences.
std::optional<std::string> difference(DecodeStatus status, Insn const& insn, Reference const& reference);

} // namespace ring3::insn
