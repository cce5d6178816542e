// Shorthand of the vector tables: one line of them is one operation with all its encodings. The name is given with the
// "v" of the VEX forms; legacy forms have it without.
//
//     MMX      0F op           P, Q         the destination is the first source, too
//     SSE      66 0F op        V, W
//     AVX      VEX.128/256 op  V, H, W      the destination is written only
#pragma once

#include "insn/row.h"

namespace ring3::insn::rows {

inline constexpr VectorType aligned = VectorType::sse_aligned, unaligned = VectorType::sse_unaligned,
                            mmx_regs = VectorType::mmx, mmx_and_sse = VectorType::mmx_sse;

constexpr std::string_view legacy_name(std::string_view vex_name) {
    return vex_name.substr(1);
}

/// An integer operation of two sources with 128-bit forms, and 256-bit ones since AVX2.
constexpr std::array<InsnDef, 3> integer(Place place, std::string_view name, Feature feature) {
    return {vec(place, legacy_name(name), feature, aligned, {rw(Vx), Wx}),
            vec(vex(place), name, avx, unaligned, {w(Vx), Hx, Wx}, l0),
            vec(vex(place), name, avx2, unaligned, {w(Vx), Hx, Wx}, l1)};
}

/// The same, and with a further immediate.
constexpr std::array<InsnDef, 3> integer_imm(Place place, std::string_view name, Feature feature) {
    return {vec(place, legacy_name(name), feature, aligned, {rw(Vx), Wx, Ib}),
            vec(vex(place), name, avx, unaligned, {w(Vx), Hx, Wx, Ib}, l0),
            vec(vex(place), name, avx2, unaligned, {w(Vx), Hx, Wx, Ib}, l1)};
}

/// An integer operation of one source: PABSB, PSHUFD (with an immediate).
constexpr std::array<InsnDef, 3> integer_unary(Place place, std::string_view name, Feature feature) {
    return {vec(place, legacy_name(name), feature, aligned, {w(Vx), Wx}),
            vec(vex(place), name, avx, unaligned, {w(Vx), Wx}, l0),
            vec(vex(place), name, avx2, unaligned, {w(Vx), Wx}, l1)};
}
constexpr std::array<InsnDef, 3> integer_shuffle(Place place, std::string_view name) {
    return {vec(place, legacy_name(name), sse2, aligned, {w(Vx), Wx, Ib}),
            vec(vex(place), name, avx, unaligned, {w(Vx), Wx, Ib}, l0),
            vec(vex(place), name, avx2, unaligned, {w(Vx), Wx, Ib}, l1)};
}

/// With the MMX form, whose place is that of the SSE form without its 66.
constexpr std::array<InsnDef, 4> with_mmx(std::array<InsnDef, 3> wide, Feature mmx_feature, Operands operands) {
    InsnDef mmx_row = wide[0];
    mmx_row.prefix = Prefix::none;
    mmx_row.feature = mmx_feature;
    mmx_row.vector = mmx_regs;
    mmx_row.operands = operands.list;
    return {mmx_row, wide[0], wide[1], wide[2]};
}
constexpr std::array<InsnDef, 4> integer_mmx(int opcode, std::string_view name, Feature mmx_feature, Feature feature) {
    return with_mmx(integer(x0f(p66, opcode), name, feature), mmx_feature, {rw(Pq), Qq});
}
constexpr std::array<InsnDef, 4> integer_mmx38(int opcode, std::string_view name) {
    return with_mmx(integer(x38(p66, opcode), name, ssse3), ssse3, {rw(Pq), Qq});
}

/// A legacy form of 128 bits and its VEX form of both lengths, all for one feature and avx.
constexpr std::array<InsnDef, 2> with_vex(Place place, std::string_view name, Feature feature, VectorType type,
                                          Operands legacy, Operands vex_operands) {
    return {vec(place, legacy_name(name), feature, type, legacy),
            vec(vex(place), name, avx, type == aligned ? unaligned : type, vex_operands)};
}
/// The same for a VEX form that exists with L = 0 only.
constexpr std::array<InsnDef, 2> with_vex128(Place place, std::string_view name, Feature feature, VectorType type,
                                             Operands legacy, Operands vex_operands) {
    auto rows = with_vex(place, name, feature, type, legacy, vex_operands);
    rows[1].vex_l = Bit::zero;
    return rows;
}
/// For moves whose VEX form demands alignment, too (SDM 2A 2.4.1: type 1).
constexpr std::array<InsnDef, 2> aligned_move(Place place, std::string_view name, Feature feature, Operands operands) {
    return {vec(place, legacy_name(name), feature, aligned, operands), vec(vex(place), name, avx, aligned, operands)};
}

/// Floating point of two sources: packed (V, H, W) or scalar, where the upper part comes from the first source.
constexpr std::array<InsnDef, 2> packed(Place place, std::string_view name, Feature feature) {
    return with_vex(place, name, feature, aligned, {rw(Vx), Wx}, {w(Vx), Hx, Wx});
}
constexpr std::array<InsnDef, 2> packed_imm(Place place, std::string_view name, Feature feature) {
    return with_vex(place, name, feature, aligned, {rw(Vx), Wx, Ib}, {w(Vx), Hx, Wx, Ib});
}
constexpr std::array<InsnDef, 2> packed_unary(Place place, std::string_view name, Feature feature) {
    return with_vex(place, name, feature, aligned, {w(Vx), Wx}, {w(Vx), Wx});
}
constexpr std::array<InsnDef, 2> scalar(Place place, std::string_view name, Feature feature, Code source) {
    return with_vex(place, name, feature, unaligned, {rw(Vdq), source}, {w(Vdq), Hdq, source});
}
constexpr std::array<InsnDef, 2> scalar_imm(Place place, std::string_view name, Feature feature, Code source) {
    return with_vex(place, name, feature, unaligned, {rw(Vdq), source, Ib}, {w(Vdq), Hdq, source, Ib});
}

/// The four forms of an arithmetic operation: none 66 F3 F2 mean ps pd ss sd.
constexpr std::array<InsnDef, 8> arithmetic_fp(int opcode, std::array<std::string_view, 4> names) {
    return join(packed(x0f(np, opcode), names[0], sse), packed(x0f(p66, opcode), names[1], sse2),
                scalar(x0f(pf3, opcode), names[2], sse, Wd), scalar(x0f(pf2, opcode), names[3], sse2, Wq));
}
constexpr std::array<InsnDef, 4> packed_fp(int opcode, std::string_view ps, std::string_view pd) {
    return join(packed(x0f(np, opcode), ps, sse), packed(x0f(p66, opcode), pd, sse2));
}

} // namespace ring3::insn::rows
