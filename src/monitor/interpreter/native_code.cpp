#include "monitor/interpreter/native_code.h"

#include "insn/operands.h"

#include <algorithm>

namespace ring3 {
namespace {

using insn::Code;
using insn::GprUse;
using insn::Insn;
using insn::InsnDef;
using insn::Map;

template <std::size_t N> bool has_operand(InsnDef const& def, std::array<Code, N> const& codes) {
    return std::ranges::find_first_of(def.operands, codes, {}, &insn::OperandDef::code) != def.operands.end();
}

bool has_register_in_immediate(InsnDef const& def) {
    return has_operand(def, std::array{Code::Ldq, Code::Lx});
}

bool has_immediate(InsnDef const& def) {
    return has_operand(def, std::array{Code::Ib, Code::Ibs}) || has_register_in_immediate(def);
}

bool has_vvvv(InsnDef const& def) {
    return has_operand(def, std::array{Code::Hdq, Code::Hx, Code::Hqq});
}

/// VEX.W means a 64-bit general register in 64-bit mode, and nothing outside it.
bool has_general_operand(Insn const& insn) {
    constexpr auto codes = std::array{Code::Eb, Code::Ew, Code::Ed, Code::Ev, Code::Gb,  Code::Gw,  Code::Gd, Code::Gv,
                                      Code::Rd, Code::Rw, Code::Rv, Code::By, Code::Edb, Code::Edw, Code::Edd};
    return has_operand(*insn.def, codes) || insn::implicit_gprs(insn).reads_eax_edx;
}

constexpr unsigned rm_field = 7, reg_field = 7 << 3;
constexpr unsigned memory_at_rdi = 7; // mod 0, rm 7

unsigned native_modrm(Insn const& insn) {
    unsigned modrm = insn.modrm;
    if (insn.has_memory) modrm = (modrm & reg_field) | memory_at_rdi;
    GprUse const gpr = insn::gpr_use(insn);
    if (gpr.field == GprUse::Field::modrm_reg) modrm &= ~reg_field;
    if (gpr.field == GprUse::Field::modrm_rm) modrm &= ~rm_field;
    return modrm;
}

unsigned prefix_byte(insn::Prefix prefix) {
    switch (prefix) {
    case insn::Prefix::p66: return 0x66;
    case insn::Prefix::pf3: return 0xf3;
    case insn::Prefix::pf2: return 0xf2;
    case insn::Prefix::any:
    case insn::Prefix::none: break;
    }
    return 0;
}

void append_legacy_opcode(NativeCode& code, InsnDef const& def) {
    if (unsigned const prefix = prefix_byte(def.prefix)) code.append(prefix);
    if (def.map != Map::one_byte) code.append(0x0f);
    if (def.map == Map::map_0f38) code.append(0x38);
    if (def.map == Map::map_0f3a) code.append(0x3a);
    code.append(def.opcode);
}

unsigned vex_pp(insn::Prefix prefix) {
    switch (prefix) {
    case insn::Prefix::p66: return 1;
    case insn::Prefix::pf3: return 2;
    case insn::Prefix::pf2: return 3;
    case insn::Prefix::any:
    case insn::Prefix::none: break;
    }
    return 0;
}

/// SDM 2A 2.3.5: R, X and B are stored inverted, and are 0 here; vvvv is inverted, 1111 if unused. Outside 64-bit mode
/// its top bit is ignored, as there are eight registers.
void append_vex_opcode(NativeCode& code, Insn const& insn) {
    constexpr unsigned no_rxb = 0xe0;
    InsnDef const& def = *insn.def;
    unsigned const w = insn.vex_w && !has_general_operand(insn) ? 1 : 0;
    unsigned const vvvv = has_vvvv(def) ? insn.vvvv & 7u : 0;
    code.append(0xc4);
    code.append(no_rxb | static_cast<unsigned>(def.map));
    code.append((w << 7) | ((~vvvv & 0xf) << 3) | (insn.vex_l ? 4u : 0u) | vex_pp(def.prefix));
    code.append(def.opcode);
}
static_assert(static_cast<unsigned>(Map::two_byte) == 1 && static_cast<unsigned>(Map::map_0f3a) == 3, "VEX.mmmmm");

} // namespace

NativeCode native_code(Insn const& insn) {
    NativeCode code;
    if (insn.vex)
        append_vex_opcode(code, insn);
    else
        append_legacy_opcode(code, *insn.def);
    if (insn.has_modrm) code.append(native_modrm(insn));
    // A register number's top bit is ignored outside 64-bit mode (SDM 2A 3.1.1.2, "is4").
    if (has_register_in_immediate(*insn.def))
        code.append(insn.imm & 0x7f);
    else if (has_immediate(*insn.def))
        code.append(insn.imm & 0xff);
    return code;
}

bool uses_mmx(InsnDef const& def) {
    bool const emms = def.op == insn::Op::vector && def.vector == insn::VectorType::mmx;
    return emms || has_operand(def, std::array{Code::Pq, Code::Nq, Code::Qd, Code::Qq});
}

bool uses_xmm(InsnDef const& def) {
    constexpr auto codes =
        std::array{Code::Vdq, Code::Vx,  Code::Vqq, Code::Hdq, Code::Hx, Code::Hqq, Code::Ldq, Code::Lx,  Code::Udq,
                   Code::Ux,  Code::Uqq, Code::Wb,  Code::Ww,  Code::Wd, Code::Wq,  Code::Wdq, Code::Wqq, Code::Wx};
    return has_operand(def, codes);
}

} // namespace ring3
