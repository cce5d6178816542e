// Plan: a row digested for the decoder. What bytes follow ModRM, which fields of Insn come from where; derived from the
// row's operands at compile time, so that the decoder has no look at operand codes to take.
#pragma once

#include "insn/insn.h"

namespace ring3::insn {

/// A size in bytes, or one of these.
enum class Size : u8 {
    operand = 0, // by the operand-size attribute
    byte = 1,
    word = 2,
    dword = 4,
    qword = 8,
    tbyte = 10,
    oword = 16,
    yword = 32,
    word_in_memory = 254, // the operand size for a register, 2 for memory
    vector = 255,         // 16 or 32 by VEX.L
};

/// Where a register reference comes from.
enum class Field : u8 { none, reg, reg_byte, rm, rm_byte, opcode, opcode_byte, accumulator, cl, dx, vvvv };

/// What follows ModRM, SIB and displacement.
enum class Immediate : u8 { none, byte, byte_signed, word, operand_size, far_pointer, enter, moffs, implied_one };

struct Plan {
    Immediate immediate{};
    Size width{}, source_width{};
    Field dst{}, src{};
    Shape with_register{}, with_memory{}; // the shape for mod = 3 (or no ModRM), and for a memory operand
    bool has_modrm{};
    bool mod_ignored{}; // MOV CR, MOV DR: always registers
    bool segment_register{}, control_register{};
    bool writes_segment{};
    bool vvvv_unused{};
    bool gather{};
};

/// Whether an operand needs a ModRM byte.
constexpr bool in_modrm(Code code) {
    switch (code) {
    case Code::none:
    case Code::Ob:
    case Code::Ov:
    case Code::Zb:
    case Code::Zv:
    case Code::By:
    case Code::AL:
    case Code::AX:
    case Code::eAX:
    case Code::CL:
    case Code::DX:
    case Code::ES:
    case Code::CS:
    case Code::SS:
    case Code::DS:
    case Code::FS:
    case Code::GS:
    case Code::Xb:
    case Code::Xv:
    case Code::Yb:
    case Code::Yv:
    case Code::Ib:
    case Code::Ibs:
    case Code::Iw:
    case Code::Iz:
    case Code::one:
    case Code::Jb:
    case Code::Jz:
    case Code::Ap:
    case Code::Iw_Ib: return false;
    default: return true;
    }
}

/// Whether the operand may lie in memory that ModRM (or a moffs) addresses.
constexpr bool may_be_memory(Code code) {
    switch (code) {
    case Code::Eb:
    case Code::Ew:
    case Code::Ed:
    case Code::Ev:
    case Code::Rv_Mw:
    case Code::M:
    case Code::Mb:
    case Code::Mw:
    case Code::Md:
    case Code::Mq:
    case Code::Mdq:
    case Code::Mqq:
    case Code::Mx:
    case Code::Mt:
    case Code::Mp:
    case Code::Ma:
    case Code::Ms:
    case Code::Mfpu:
    case Code::Ob:
    case Code::Ov:
    case Code::Qd:
    case Code::Qq:
    case Code::Wb:
    case Code::Ww:
    case Code::Wd:
    case Code::Wq:
    case Code::Wdq:
    case Code::Wqq:
    case Code::Wx:
    case Code::Edb:
    case Code::Edw:
    case Code::Edd:
    case Code::VMd:
    case Code::VMq: return true;
    default: return false;
    }
}

/// The size an operand's letters mean. Operands without a size of their own count as of the operand size.
constexpr Size size_of(Code code) {
    switch (code) {
    case Code::Eb:
    case Code::Gb:
    case Code::Mb:
    case Code::Ob:
    case Code::Zb:
    case Code::AL:
    case Code::CL:
    case Code::Xb:
    case Code::Yb:
    case Code::Wb:
    case Code::Edb: return Size::byte;
    case Code::Ew:
    case Code::Gw:
    case Code::Rw:
    case Code::Mw:
    case Code::AX:
    case Code::DX:
    case Code::Sw:
    case Code::Ww:
    case Code::Edw: return Size::word;
    case Code::Ed:
    case Code::Gd:
    case Code::Rd:
    case Code::Md:
    case Code::By:
    case Code::Cd:
    case Code::Dd:
    case Code::Qd:
    case Code::Wd:
    case Code::Edd:
    case Code::VMd: return Size::dword;
    case Code::Mq:
    case Code::Pq:
    case Code::Nq:
    case Code::Qq:
    case Code::Wq:
    case Code::VMq: return Size::qword;
    case Code::Mt: return Size::tbyte;
    case Code::Mdq:
    case Code::Vdq:
    case Code::Hdq:
    case Code::Ldq:
    case Code::Udq:
    case Code::Wdq: return Size::oword;
    case Code::Mqq:
    case Code::Vqq:
    case Code::Hqq:
    case Code::Uqq:
    case Code::Wqq: return Size::yword;
    case Code::Mx:
    case Code::Vx:
    case Code::Hx:
    case Code::Lx:
    case Code::Ux:
    case Code::Wx: return Size::vector;
    case Code::Rv_Mw: return Size::word_in_memory;
    default: return Size::operand;
    }
}

namespace planning {

constexpr Immediate immediate_of(Code code) {
    switch (code) {
    case Code::Ib:
    case Code::Ldq:
    case Code::Lx: return Immediate::byte; // a register in imm8[7:4]: bit 7 is ignored outside 64-bit mode
    case Code::Ibs:
    case Code::Jb: return Immediate::byte_signed;
    case Code::Iw: return Immediate::word;
    case Code::Iz:
    case Code::Jz: return Immediate::operand_size;
    case Code::Ap: return Immediate::far_pointer;
    case Code::Iw_Ib: return Immediate::enter;
    case Code::Ob:
    case Code::Ov: return Immediate::moffs;
    case Code::one: return Immediate::implied_one;
    default: return Immediate::none;
    }
}

constexpr Field field_of(Code code) {
    switch (code) {
    case Code::Gb: return Field::reg_byte;
    case Code::Gw:
    case Code::Gd:
    case Code::Gv: return Field::reg;
    case Code::Eb: return Field::rm_byte;
    case Code::Ew:
    case Code::Ed:
    case Code::Ev:
    case Code::Rd:
    case Code::Rw:
    case Code::Rv:
    case Code::Rv_Mw: return Field::rm;
    case Code::Zb: return Field::opcode_byte;
    case Code::Zv: return Field::opcode;
    case Code::AL:
    case Code::AX:
    case Code::eAX: return Field::accumulator;
    case Code::CL: return Field::cl;
    case Code::DX: return Field::dx;
    case Code::By: return Field::vvvv;
    default: return Field::none;
    }
}

constexpr bool is_string(Code code) {
    return code == Code::Xb || code == Code::Xv || code == Code::Yb || code == Code::Yv;
}

/// An operand that the shape tells: a general register, memory, or an immediate.
struct Part {
    bool present{}, reg{}, memory{}, immediate{};
    Code code{};
};
constexpr Part part_of(Code code) {
    Part part{};
    part.code = code;
    part.memory = may_be_memory(code);
    part.reg = field_of(code) != Field::none;
    part.immediate = !part.memory && immediate_of(code) != Immediate::none;
    part.present = part.reg || part.memory || part.immediate;
    return part;
}

/// The first two such operands. VEX.vvvv counts only as a destination (BLSR); else it is on top (ANDN, BEXTR).
constexpr std::array<Part, 2> main_parts(InsnDef const& row) {
    std::array<Part, 2> parts{};
    unsigned count = 0;
    for (auto const& operand : row.operands) {
        Part const part = part_of(operand.code);
        if (!part.present || count == 2) continue;
        if (operand.code == Code::By && count != 0) continue;
        parts[count++] = part;
    }
    return parts;
}

constexpr Shape shape_of(std::array<Part, 2> const& parts, bool in_memory) {
    auto const is_memory = [&](Part const& part) { return part.memory && (in_memory || !part.reg); };
    auto const& [first, second] = parts;
    if (!first.present) return Shape::none;
    if (!second.present) return first.immediate ? Shape::i : is_memory(first) ? Shape::m : Shape::r;
    if (first.immediate) return Shape::ri; // OUT imm8, AL
    if (second.immediate) return is_memory(first) ? Shape::mi : Shape::ri;
    return is_memory(first) ? Shape::mr : is_memory(second) ? Shape::rm : Shape::rr;
}

constexpr void plan_vector(InsnDef const& row, Plan& plan) {
    plan.with_memory = Shape::m;
    plan.width = row.vector == VectorType::mmx ? Size::qword : Size::vector;
    if (row.vector == VectorType::x87 || row.vector == VectorType::x87_nowait)
        plan.width = row.mod == ModKind::memory ? size_of(row.operands[0].code) : Size::tbyte;
    plan.source_width = plan.width;
}

constexpr void plan_integer(InsnDef const& row, Plan& plan) {
    auto const parts = main_parts(row);
    auto const& [first, second] = parts;
    plan.with_register = shape_of(parts, false);
    plan.with_memory = shape_of(parts, true);
    plan.dst = field_of(first.code);
    plan.src = second.present ? field_of(second.code) : plan.dst;
    plan.width = size_of(first.immediate ? second.code : first.code);
    plan.source_width = second.memory ? size_of(second.code) : plan.width;
    if (row.op == Op::in || row.op == Op::out) {
        plan.dst = plan.src = Field::accumulator; // the port, if not immediate, is in DX
        bool const byte = row.operands[0].code == Code::AL || row.operands[1].code == Code::AL;
        plan.width = plan.source_width = byte ? Size::byte : Size::operand;
    }
}

constexpr void plan_string(InsnDef const& row, Plan& plan) {
    for (auto const& operand : row.operands)
        if (is_string(operand.code)) plan.width = plan.source_width = size_of(operand.code);
}

} // namespace planning

/// Derives the plan of a row.
constexpr Plan plan_of(InsnDef const& row) {
    using namespace planning;
    Plan plan{};
    bool strings = false, uses_vvvv = false;
    for (auto const& [code, access] : row.operands) {
        plan.has_modrm |= in_modrm(code);
        if (immediate_of(code) != Immediate::none) plan.immediate = immediate_of(code);
        plan.control_register |= code == Code::Cd;
        plan.mod_ignored |= code == Code::Cd || code == Code::Dd;
        plan.segment_register |= code == Code::Sw;
        plan.writes_segment |= code == Code::Sw && access == Access::write;
        plan.gather |= code == Code::VMd || code == Code::VMq;
        strings |= is_string(code);
        uses_vvvv |= code == Code::By || code == Code::Hdq || code == Code::Hx || code == Code::Hqq;
    }
    plan.has_modrm |= row.group >= 0 || row.rm >= 0 || row.mod != ModKind::any;
    plan.vvvv_unused = row.encoding == Encoding::vex && !uses_vvvv;
    if (row.vector != VectorType::none)
        plan_vector(row, plan);
    else if (strings)
        plan_string(row, plan);
    else
        plan_integer(row, plan);
    return plan;
}

} // namespace ring3::insn
