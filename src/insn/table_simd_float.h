// Floating-point vectors: SSE, SSE2, SSE3, SSE4.1 and their AVX forms (SDM 1 10, 11, 12, 14).
#pragma once

#include "insn/simd_row.h"

namespace ring3::insn::rows {

// clang-format off

// ---- arithmetic

inline constexpr auto float_arithmetic_rows = join(
    arithmetic_fp(0x58, {"vaddps", "vaddpd", "vaddss", "vaddsd"}),
    arithmetic_fp(0x59, {"vmulps", "vmulpd", "vmulss", "vmulsd"}),
    arithmetic_fp(0x5c, {"vsubps", "vsubpd", "vsubss", "vsubsd"}),
    arithmetic_fp(0x5d, {"vminps", "vminpd", "vminss", "vminsd"}),
    arithmetic_fp(0x5e, {"vdivps", "vdivpd", "vdivss", "vdivsd"}),
    arithmetic_fp(0x5f, {"vmaxps", "vmaxpd", "vmaxss", "vmaxsd"}),
    packed_fp(0x14, "vunpcklps", "vunpcklpd"),
    packed_fp(0x15, "vunpckhps", "vunpckhpd"),
    packed_fp(0x54, "vandps",    "vandpd"),
    packed_fp(0x55, "vandnps",   "vandnpd"),
    packed_fp(0x56, "vorps",     "vorpd"),
    packed_fp(0x57, "vxorps",    "vxorpd"),
    packed_unary(x0f(np,  0x51), "vsqrtps",   sse),
    packed_unary(x0f(p66, 0x51), "vsqrtpd",   sse2),
    scalar(x0f(pf3, 0x51),       "vsqrtss",   sse,  Wd),
    scalar(x0f(pf2, 0x51),       "vsqrtsd",   sse2, Wq),
    packed_unary(x0f(np,  0x52), "vrsqrtps",  sse),
    scalar(x0f(pf3, 0x52),       "vrsqrtss",  sse,  Wd),
    packed_unary(x0f(np,  0x53), "vrcpps",    sse),
    scalar(x0f(pf3, 0x53),       "vrcpss",    sse,  Wd),
    packed(x0f(p66, 0x7c),       "vhaddpd",   sse3),
    packed(x0f(pf2, 0x7c),       "vhaddps",   sse3),
    packed(x0f(p66, 0x7d),       "vhsubpd",   sse3),
    packed(x0f(pf2, 0x7d),       "vhsubps",   sse3),
    packed(x0f(p66, 0xd0),       "vaddsubpd", sse3),
    packed(x0f(pf2, 0xd0),       "vaddsubps", sse3),
    packed_imm(x0f(np,  0xc2),   "vcmpps",    sse),
    packed_imm(x0f(p66, 0xc2),   "vcmppd",    sse2),
    scalar_imm(x0f(pf3, 0xc2),   "vcmpss",    sse,  Wd),
    scalar_imm(x0f(pf2, 0xc2),   "vcmpsd",    sse2, Wq),
    packed_imm(x0f(np,  0xc6),   "vshufps",   sse),
    packed_imm(x0f(p66, 0xc6),   "vshufpd",   sse2),
    packed_imm(x3a(p66, 0x0c),   "vblendps",  sse41),
    packed_imm(x3a(p66, 0x0d),   "vblendpd",  sse41),
    packed_imm(x3a(p66, 0x40),   "vdpps",     sse41),
    scalar_imm(x3a(p66, 0x0a),   "vroundss",  sse41, Wd),
    scalar_imm(x3a(p66, 0x0b),   "vroundsd",  sse41, Wq),
    with_vex(x3a(p66, 0x08),     "vroundps",  sse41, aligned, {w(Vx), Wx, Ib}, {w(Vx), Wx, Ib}),
    with_vex(x3a(p66, 0x09),     "vroundpd",  sse41, aligned, {w(Vx), Wx, Ib}, {w(Vx), Wx, Ib}),
    with_vex128(x3a(p66, 0x41),  "vdppd",     sse41, aligned, {rw(Vdq), Wdq, Ib}, {w(Vdq), Hdq, Wdq, Ib}),
    with_vex128(x3a(p66, 0x21),  "vinsertps", sse41, unaligned, {rw(Vdq), Wd, Ib}, {w(Vdq), Hdq, Wd, Ib}),
    with_vex128(x3a(p66, 0x17),  "vextractps", sse41, unaligned, {w(Edd), Vdq, Ib}, {w(Edd), Vdq, Ib}),
    std::to_array<InsnDef>({
    vec(x38(p66, 0x14), "blendvps",  sse41, aligned,   {rw(Vdq), Wdq}), // mask: XMM0
    vec(x38(p66, 0x15), "blendvpd",  sse41, aligned,   {rw(Vdq), Wdq}),
    vec(v3a(p66, 0x4a), "vblendvps", avx,   unaligned, {w(Vx), Hx, Wx, Lx}, w0),
    vec(v3a(p66, 0x4b), "vblendvpd", avx,   unaligned, {w(Vx), Hx, Wx, Lx}, w0),
    }));

// ---- compares that set EFLAGS: OF, SF and AF are cleared (SDM 2A COMISS)

constexpr std::array<InsnDef, 2> compare_scalar(Place place, std::string_view name, Feature feature, Code source) {
    auto rows = with_vex(place, name, feature, unaligned, {Vdq, source}, {Vdq, source});
    for (auto& form : rows) form.writes = status;
    return rows;
}
inline constexpr auto float_compare_rows = join(
    compare_scalar(x0f(np,  0x2e), "vucomiss", sse,  Wd),
    compare_scalar(x0f(p66, 0x2e), "vucomisd", sse2, Wq),
    compare_scalar(x0f(np,  0x2f), "vcomiss",  sse,  Wd),
    compare_scalar(x0f(p66, 0x2f), "vcomisd",  sse2, Wq));

// ---- moves

inline constexpr auto float_move_rows = join(
    aligned_move(x0f(np,  0x28), "vmovaps",  sse,  {w(Vx), Wx}),
    aligned_move(x0f(p66, 0x28), "vmovapd",  sse2, {w(Vx), Wx}),
    aligned_move(x0f(np,  0x29), "vmovaps",  sse,  {w(Wx), Vx}),
    aligned_move(x0f(p66, 0x29), "vmovapd",  sse2, {w(Wx), Vx}),
    aligned_move(x0f(np,  0x2b), "vmovntps", sse,  {w(Mx), Vx}),
    aligned_move(x0f(p66, 0x2b), "vmovntpd", sse2, {w(Mx), Vx}),
    with_vex(x0f(np,  0x10),     "vmovups",  sse,  unaligned, {w(Vx), Wx}, {w(Vx), Wx}),
    with_vex(x0f(p66, 0x10),     "vmovupd",  sse2, unaligned, {w(Vx), Wx}, {w(Vx), Wx}),
    with_vex(x0f(np,  0x11),     "vmovups",  sse,  unaligned, {w(Wx), Vx}, {w(Wx), Vx}),
    with_vex(x0f(p66, 0x11),     "vmovupd",  sse2, unaligned, {w(Wx), Vx}, {w(Wx), Vx}),
    // Scalars: a load clears the rest of the register, a register move merges (and has a third operand in VEX).
    with_vex(x0f(pf3, 0x10),     "vmovss",   sse,  unaligned, {w(Vdq), Md},   {w(Vdq), Md}),
    with_vex(x0f(pf2, 0x10),     "vmovsd",   sse2, unaligned, {w(Vdq), Mq},   {w(Vdq), Mq}),
    with_vex(x0f(pf3, 0x10),     "vmovss",   sse,  unaligned, {rw(Vdq), Udq}, {w(Vdq), Hdq, Udq}),
    with_vex(x0f(pf2, 0x10),     "vmovsd",   sse2, unaligned, {rw(Vdq), Udq}, {w(Vdq), Hdq, Udq}),
    with_vex(x0f(pf3, 0x11),     "vmovss",   sse,  unaligned, {w(Md), Vdq},   {w(Md), Vdq}),
    with_vex(x0f(pf2, 0x11),     "vmovsd",   sse2, unaligned, {w(Mq), Vdq},   {w(Mq), Vdq}),
    with_vex(x0f(pf3, 0x11),     "vmovss",   sse,  unaligned, {rw(Udq), Vdq}, {w(Udq), Hdq, Vdq}),
    with_vex(x0f(pf2, 0x11),     "vmovsd",   sse2, unaligned, {rw(Udq), Vdq}, {w(Udq), Hdq, Vdq}),
    // Halves
    with_vex128(x0f(np,  0x12),  "vmovlps",  sse,  unaligned, {rw(Vdq), Mq},  {w(Vdq), Hdq, Mq}),
    with_vex128(x0f(np,  0x12),  "vmovhlps", sse,  unaligned, {rw(Vdq), Udq}, {w(Vdq), Hdq, Udq}),
    with_vex128(x0f(p66, 0x12),  "vmovlpd",  sse2, unaligned, {rw(Vdq), Mq},  {w(Vdq), Hdq, Mq}),
    with_vex128(x0f(np,  0x13),  "vmovlps",  sse,  unaligned, {w(Mq), Vdq},   {w(Mq), Vdq}),
    with_vex128(x0f(p66, 0x13),  "vmovlpd",  sse2, unaligned, {w(Mq), Vdq},   {w(Mq), Vdq}),
    with_vex128(x0f(np,  0x16),  "vmovhps",  sse,  unaligned, {rw(Vdq), Mq},  {w(Vdq), Hdq, Mq}),
    with_vex128(x0f(np,  0x16),  "vmovlhps", sse,  unaligned, {rw(Vdq), Udq}, {w(Vdq), Hdq, Udq}),
    with_vex128(x0f(p66, 0x16),  "vmovhpd",  sse2, unaligned, {rw(Vdq), Mq},  {w(Vdq), Hdq, Mq}),
    with_vex128(x0f(np,  0x17),  "vmovhps",  sse,  unaligned, {w(Mq), Vdq},   {w(Mq), Vdq}),
    with_vex128(x0f(p66, 0x17),  "vmovhpd",  sse2, unaligned, {w(Mq), Vdq},   {w(Mq), Vdq}),
    packed_unary(x0f(pf3, 0x12), "vmovsldup", sse3),
    packed_unary(x0f(pf3, 0x16), "vmovshdup", sse3),
    with_vex(x0f(np,  0x50),     "vmovmskps", sse,  unaligned, {w(Gd), Ux}, {w(Gd), Ux}),
    with_vex(x0f(p66, 0x50),     "vmovmskpd", sse2, unaligned, {w(Gd), Ux}, {w(Gd), Ux}),
    std::to_array<InsnDef>({
    vec(x0f(pf2, 0x12), "movddup",   sse3, unaligned, {w(Vdq), Wq}),
    vec(v0f(pf2, 0x12), "vmovddup",  avx,  unaligned, {w(Vdq), Wq},  l0),
    vec(v0f(pf2, 0x12), "vmovddup",  avx,  unaligned, {w(Vqq), Wqq}, l1),
    }));

// ---- conversions

/// The narrow side is half as wide as the other: its size depends on VEX.L.
constexpr std::array<InsnDef, 3> widening_conversion(Place place, std::string_view name) {
    return {vec(place,      legacy_name(name), sse2, unaligned, {w(Vdq), Wq}),
            vec(vex(place), name,              avx,  unaligned, {w(Vdq), Wq},  l0),
            vec(vex(place), name,              avx,  unaligned, {w(Vqq), Wdq}, l1)};
}
constexpr std::array<InsnDef, 2> narrowing_conversion(Place place, std::string_view name) {
    return with_vex(place, name, sse2, aligned, {w(Vdq), Wx}, {w(Vdq), Wx});
}
constexpr std::array<InsnDef, 2> to_integer(Place place, std::string_view name, Feature feature, Code source) {
    return with_vex(place, name, feature, unaligned, {w(Gd), source}, {w(Gd), source});
}

inline constexpr auto float_conversion_rows = join(
    widening_conversion(x0f(np,  0x5a),  "vcvtps2pd"),
    widening_conversion(x0f(pf3, 0xe6),  "vcvtdq2pd"),
    narrowing_conversion(x0f(p66, 0x5a), "vcvtpd2ps"),
    narrowing_conversion(x0f(p66, 0xe6), "vcvttpd2dq"),
    narrowing_conversion(x0f(pf2, 0xe6), "vcvtpd2dq"),
    packed_unary(x0f(np,  0x5b),         "vcvtdq2ps",  sse2),
    packed_unary(x0f(p66, 0x5b),         "vcvtps2dq",  sse2),
    packed_unary(x0f(pf3, 0x5b),         "vcvttps2dq", sse2),
    scalar(x0f(pf3, 0x5a),               "vcvtss2sd",  sse2, Wd),
    scalar(x0f(pf2, 0x5a),               "vcvtsd2ss",  sse2, Wq),
    scalar(x0f(pf3, 0x2a),               "vcvtsi2ss",  sse,  Ed),
    scalar(x0f(pf2, 0x2a),               "vcvtsi2sd",  sse2, Ed),
    to_integer(x0f(pf3, 0x2c),           "vcvttss2si", sse,  Wd),
    to_integer(x0f(pf2, 0x2c),           "vcvttsd2si", sse2, Wq),
    to_integer(x0f(pf3, 0x2d),           "vcvtss2si",  sse,  Wd),
    to_integer(x0f(pf2, 0x2d),           "vcvtsd2si",  sse2, Wq),
    std::to_array<InsnDef>({
    vec(x0f(np,  0x2a), "cvtpi2ps",  sse,  mmx_and_sse, {rw(Vdq), Qq}),
    vec(x0f(p66, 0x2a), "cvtpi2pd",  sse2, mmx_and_sse, {w(Vdq), Qq}),
    vec(x0f(np,  0x2c), "cvttps2pi", sse,  mmx_and_sse, {w(Pq), Wq}),
    vec(x0f(p66, 0x2c), "cvttpd2pi", sse2, mmx_and_sse, {w(Pq), Wdq}),
    vec(x0f(np,  0x2d), "cvtps2pi",  sse,  mmx_and_sse, {w(Pq), Wq}),
    vec(x0f(p66, 0x2d), "cvtpd2pi",  sse2, mmx_and_sse, {w(Pq), Wdq}),
    }));

inline constexpr auto mxcsr_rows = std::to_array<InsnDef>({
    row(x0f(np, 0xae) / 2, "ldmxcsr",  Op::ldmxcsr, {Md},    sse, unaligned),
    row(v0f(np, 0xae) / 2, "vldmxcsr", Op::ldmxcsr, {Md},    avx, unaligned, l0),
    row(x0f(np, 0xae) / 3, "stmxcsr",  Op::stmxcsr, {w(Md)}, sse, unaligned),
    row(v0f(np, 0xae) / 3, "vstmxcsr", Op::stmxcsr, {w(Md)}, avx, unaligned, l0),
});

// clang-format on

} // namespace ring3::insn::rows
