#include "insn/operands.h"

#include "insn/plan.h"

namespace ring3::insn {
namespace {

/// SDM 1 8.1.10, figures 8-9 to 8-12; 10.5.1.
unsigned save_area_bytes(Insn const& insn) {
    bool const wide = insn.operand_size == 4;
    switch (insn.def->op) {
    case Op::fldenv:
    case Op::fnstenv: return wide ? 28 : 14;
    case Op::frstor:
    case Op::fnsave: return wide ? 108 : 94;
    case Op::fxsave:
    case Op::fxrstor: return 512;
    default: return 0;
    }
}

unsigned bytes_of(OperandDef const& operand, Insn const& insn) {
    if (operand.access == Access::none) return 0;
    switch (operand.code) {
    case Code::Mfpu: return save_area_bytes(insn);
    case Code::Mp: return insn.operand_size + 2u;
    case Code::Ma: return insn.operand_size * 2u;
    case Code::Ms: return 6;
    default: break;
    }
    switch (size_of(operand.code)) {
    case Size::operand: return insn.operand_size;
    case Size::word_in_memory: return 2;
    case Size::vector: return insn.vex_l ? 32 : 16;
    default: return static_cast<unsigned>(size_of(operand.code));
    }
}

OperandDef const* memory_operand(Insn const& insn) {
    if (!insn.has_memory) return nullptr;
    for (auto const& operand : insn.def->operands)
        if (may_be_memory(operand.code)) return &operand;
    return nullptr;
}

GprUse use(GprUse::Field field, u8 number, Access access) {
    return {field, static_cast<RegRef>(number * 8), access, 4};
}

} // namespace

unsigned memory_bytes(Insn const& insn) {
    auto const* operand = memory_operand(insn);
    return operand ? bytes_of(*operand, insn) : 0;
}

Access memory_access(Insn const& insn) {
    auto const* operand = memory_operand(insn);
    return operand ? operand->access : Access::none;
}

unsigned memory_alignment(Insn const& insn) {
    if (!insn.has_memory) return 1;
    // SDM 3A table 24-4: CVTPD2PI and CVTTPD2PI are the MMX instructions with a 16-byte operand.
    bool const whole_xmm = insn.def->vector == VectorType::mmx_sse && memory_bytes(insn) == 16;
    return whole_xmm || insn.def->vector == VectorType::sse_aligned ? memory_bytes(insn) : 1;
}

GprUse gpr_use(Insn const& insn) {
    if (insn.def->vector == VectorType::none) return {};
    for (auto const& [code, access] : insn.def->operands) {
        bool const in_rm = code == Code::Ed || code == Code::Edb || code == Code::Edw || code == Code::Edd;
        if (code == Code::Gd) return use(GprUse::Field::modrm_reg, insn.reg(), access);
        if (in_rm && !insn.has_memory) return use(GprUse::Field::modrm_rm, insn.rm(), access);
    }
    return {};
}

ImplicitGprs implicit_gprs(Insn const& insn) {
    auto const& def = *insn.def;
    if (def.map != Map::map_0f3a || def.opcode < 0x60 || def.opcode > 0x63) return {};
    bool const explicit_lengths = def.opcode < 0x62, to_index = (def.opcode & 1) != 0;
    return {explicit_lengths, to_index};
}

// SDM 2B RCL/RCR/ROL/ROR, SAL/SAR/SHL/SHR, SHLD, SHRD: flags affected.
FlagMask undefined_after_shift(Insn const& insn, unsigned count) {
    count &= 31;
    unsigned const bits = insn.width * 8u;
    FlagMask const overflow = count == 1 ? 0 : flag::of;
    if (count == 0) return 0;
    switch (insn.def->op) {
    case Op::rol:
    case Op::ror:
    case Op::rcl:
    case Op::rcr: return overflow;
    case Op::sar: return flag::af | overflow;
    case Op::shl:
    case Op::shr: return static_cast<FlagMask>(flag::af | overflow | (count >= bits ? flag::cf : 0));
    case Op::shld:
    case Op::shrd: return count > bits ? flag::status : static_cast<FlagMask>(flag::af | overflow);
    default: return 0;
    }
}

SegmentIndex segment_operand(Insn const& insn) {
    for (auto const& operand : insn.def->operands) {
        if (operand.code == Code::Sw) return static_cast<SegmentIndex>(insn.reg());
        if (operand.code >= Code::ES && operand.code <= Code::GS)
            return static_cast<SegmentIndex>(static_cast<u8>(operand.code) - static_cast<u8>(Code::ES));
    }
    return SegmentIndex::ds;
}

} // namespace ring3::insn
