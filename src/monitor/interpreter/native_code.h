// How one guest instruction is written anew, so that 64-bit code of ours can run it (SDM 2A 2.1-2.3).
//
//     guest     66 2E 0F 10 84 4B 10 20 00 00      movupd xmm0, cs:[ebx+ecx*2+2010h]
//     native    66 0F 10 07                        movupd xmm0, [rdi]
//
// Kept: the mandatory prefix, the opcode, register numbers, the immediate. Replaced: the memory operand by [rdi], the
// general register by EAX. Dropped: all other prefixes. VEX is always written in its three-byte form.
#pragma once

#include "insn/insn.h"

#include <array>
#include <span>

namespace ring3 {

struct NativeCode {
    static constexpr unsigned capacity = 8; // prefix, 0F, 38, opcode, ModRM, immediate: never more than six
    std::array<u8, capacity> bytes{};
    unsigned size{};
    void append(unsigned byte) { bytes[size++] = static_cast<u8>(byte); }
    std::span<u8 const> view() const { return {bytes.data(), size}; }
};

NativeCode native_code(insn::Insn const& insn);

/// Does an operand lie in an MMX register? Such instructions enter the x87 state.
bool uses_mmx(insn::InsnDef const& def);
/// Does an operand lie in an XMM or YMM register?
bool uses_xmm(insn::InsnDef const& def);

} // namespace ring3
