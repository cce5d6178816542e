// Integer vectors: MMX, SSE2, SSSE3, SSE4 and AVX2 (SDM 1 9.4, 11.6, 12.6, 12.8, 14.6).
#pragma once

#include "insn/simd_row.h"

namespace ring3::insn::rows {

// clang-format off

// ---- two sources of the same kind, in 0F (MMX, SSE2, AVX, AVX2)

inline constexpr auto mmx_sse2_rows = flatten(std::to_array<std::array<InsnDef, 4>>({
    integer_mmx(0x63, "vpacksswb",  mmx,  sse2),
    integer_mmx(0x64, "vpcmpgtb",   mmx,  sse2),
    integer_mmx(0x65, "vpcmpgtw",   mmx,  sse2),
    integer_mmx(0x66, "vpcmpgtd",   mmx,  sse2),
    integer_mmx(0x67, "vpackuswb",  mmx,  sse2),
    integer_mmx(0x68, "vpunpckhbw", mmx,  sse2),
    integer_mmx(0x69, "vpunpckhwd", mmx,  sse2),
    integer_mmx(0x6a, "vpunpckhdq", mmx,  sse2),
    integer_mmx(0x6b, "vpackssdw",  mmx,  sse2),
    integer_mmx(0x74, "vpcmpeqb",   mmx,  sse2),
    integer_mmx(0x75, "vpcmpeqw",   mmx,  sse2),
    integer_mmx(0x76, "vpcmpeqd",   mmx,  sse2),
    integer_mmx(0xd4, "vpaddq",     sse2, sse2),
    integer_mmx(0xd5, "vpmullw",    mmx,  sse2),
    integer_mmx(0xd8, "vpsubusb",   mmx,  sse2),
    integer_mmx(0xd9, "vpsubusw",   mmx,  sse2),
    integer_mmx(0xda, "vpminub",    sse,  sse2),
    integer_mmx(0xdb, "vpand",      mmx,  sse2),
    integer_mmx(0xdc, "vpaddusb",   mmx,  sse2),
    integer_mmx(0xdd, "vpaddusw",   mmx,  sse2),
    integer_mmx(0xde, "vpmaxub",    sse,  sse2),
    integer_mmx(0xdf, "vpandn",     mmx,  sse2),
    integer_mmx(0xe0, "vpavgb",     sse,  sse2),
    integer_mmx(0xe3, "vpavgw",     sse,  sse2),
    integer_mmx(0xe4, "vpmulhuw",   sse,  sse2),
    integer_mmx(0xe5, "vpmulhw",    mmx,  sse2),
    integer_mmx(0xe8, "vpsubsb",    mmx,  sse2),
    integer_mmx(0xe9, "vpsubsw",    mmx,  sse2),
    integer_mmx(0xea, "vpminsw",    sse,  sse2),
    integer_mmx(0xeb, "vpor",       mmx,  sse2),
    integer_mmx(0xec, "vpaddsb",    mmx,  sse2),
    integer_mmx(0xed, "vpaddsw",    mmx,  sse2),
    integer_mmx(0xee, "vpmaxsw",    sse,  sse2),
    integer_mmx(0xef, "vpxor",      mmx,  sse2),
    integer_mmx(0xf4, "vpmuludq",   sse2, sse2),
    integer_mmx(0xf5, "vpmaddwd",   mmx,  sse2),
    integer_mmx(0xf6, "vpsadbw",    sse,  sse2),
    integer_mmx(0xf8, "vpsubb",     mmx,  sse2),
    integer_mmx(0xf9, "vpsubw",     mmx,  sse2),
    integer_mmx(0xfa, "vpsubd",     mmx,  sse2),
    integer_mmx(0xfb, "vpsubq",     sse2, sse2),
    integer_mmx(0xfc, "vpaddb",     mmx,  sse2),
    integer_mmx(0xfd, "vpaddw",     mmx,  sse2),
    integer_mmx(0xfe, "vpaddd",     mmx,  sse2),
    // The low halves: the MMX form reads 32 bits of memory.
    with_mmx(integer(x0f(p66, 0x60), "vpunpcklbw", sse2), mmx, {rw(Pq), Qd}),
    with_mmx(integer(x0f(p66, 0x61), "vpunpcklwd", sse2), mmx, {rw(Pq), Qd}),
    with_mmx(integer(x0f(p66, 0x62), "vpunpckldq", sse2), mmx, {rw(Pq), Qd}),
    // SSSE3
    integer_mmx38(0x00, "vpshufb"),
    integer_mmx38(0x01, "vphaddw"),
    integer_mmx38(0x02, "vphaddd"),
    integer_mmx38(0x03, "vphaddsw"),
    integer_mmx38(0x04, "vpmaddubsw"),
    integer_mmx38(0x05, "vphsubw"),
    integer_mmx38(0x06, "vphsubd"),
    integer_mmx38(0x07, "vphsubsw"),
    integer_mmx38(0x08, "vpsignb"),
    integer_mmx38(0x09, "vpsignw"),
    integer_mmx38(0x0a, "vpsignd"),
    integer_mmx38(0x0b, "vpmulhrsw"),
    with_mmx(integer_unary(x38(p66, 0x1c), "vpabsb", ssse3),      ssse3, {w(Pq), Qq}),
    with_mmx(integer_unary(x38(p66, 0x1d), "vpabsw", ssse3),      ssse3, {w(Pq), Qq}),
    with_mmx(integer_unary(x38(p66, 0x1e), "vpabsd", ssse3),      ssse3, {w(Pq), Qq}),
    with_mmx(integer_imm(x3a(p66, 0x0f),   "vpalignr", ssse3),    ssse3, {rw(Pq), Qq, Ib}),
}));

// ---- without an MMX form

inline constexpr auto sse_integer_rows = flatten(std::to_array<std::array<InsnDef, 3>>({
    integer(x0f(p66, 0x6c), "vpunpcklqdq", sse2),
    integer(x0f(p66, 0x6d), "vpunpckhqdq", sse2),
    integer_shuffle(x0f(p66, 0x70), "vpshufd"),
    integer_shuffle(x0f(pf3, 0x70), "vpshufhw"),
    integer_shuffle(x0f(pf2, 0x70), "vpshuflw"),
    integer(x38(p66, 0x28), "vpmuldq",   sse41),
    integer(x38(p66, 0x29), "vpcmpeqq",  sse41),
    integer(x38(p66, 0x2b), "vpackusdw", sse41),
    integer(x38(p66, 0x37), "vpcmpgtq",  sse42),
    integer(x38(p66, 0x38), "vpminsb",   sse41),
    integer(x38(p66, 0x39), "vpminsd",   sse41),
    integer(x38(p66, 0x3a), "vpminuw",   sse41),
    integer(x38(p66, 0x3b), "vpminud",   sse41),
    integer(x38(p66, 0x3c), "vpmaxsb",   sse41),
    integer(x38(p66, 0x3d), "vpmaxsd",   sse41),
    integer(x38(p66, 0x3e), "vpmaxuw",   sse41),
    integer(x38(p66, 0x3f), "vpmaxud",   sse41),
    integer(x38(p66, 0x40), "vpmulld",   sse41),
    integer_imm(x3a(p66, 0x0e), "vpblendw", sse41),
    integer_imm(x3a(p66, 0x42), "vmpsadbw", sse41),
}));

// ---- shifts: by a vector's low quadword (always 128 bits of memory), and by an immediate (groups 12 to 14)

constexpr std::array<InsnDef, 4> vector_shift(int opcode, std::string_view name) {
    return with_mmx({vec(x0f(p66, opcode), legacy_name(name), sse2, aligned,   {rw(Vx), Wdq}),
                     vec(v0f(p66, opcode), name,              avx,  unaligned, {w(Vx), Hx, Wdq}, l0),
                     vec(v0f(p66, opcode), name,              avx2, unaligned, {w(Vx), Hx, Wdq}, l1)},
                    mmx, {rw(Pq), Qq});
}
constexpr std::array<InsnDef, 3> wide_immediate_shift(Place place, std::string_view name) {
    return {vec(place,      legacy_name(name), sse2, unaligned, {rw(Ux), Ib}),
            vec(vex(place), name,              avx,  unaligned, {w(Hx), Ux, Ib}, l0),
            vec(vex(place), name,              avx2, unaligned, {w(Hx), Ux, Ib}, l1)};
}
constexpr std::array<InsnDef, 4> immediate_shift(Place place, std::string_view name) {
    return with_mmx(wide_immediate_shift(place, name), mmx, {rw(Nq), Ib});
}

inline constexpr auto vector_shift_rows = flatten(std::to_array<std::array<InsnDef, 4>>({
    vector_shift(0xd1, "vpsrlw"),
    vector_shift(0xd2, "vpsrld"),
    vector_shift(0xd3, "vpsrlq"),
    vector_shift(0xe1, "vpsraw"),
    vector_shift(0xe2, "vpsrad"),
    vector_shift(0xf1, "vpsllw"),
    vector_shift(0xf2, "vpslld"),
    vector_shift(0xf3, "vpsllq"),
    immediate_shift(x0f(p66, 0x71) / 2, "vpsrlw"),
    immediate_shift(x0f(p66, 0x71) / 4, "vpsraw"),
    immediate_shift(x0f(p66, 0x71) / 6, "vpsllw"),
    immediate_shift(x0f(p66, 0x72) / 2, "vpsrld"),
    immediate_shift(x0f(p66, 0x72) / 4, "vpsrad"),
    immediate_shift(x0f(p66, 0x72) / 6, "vpslld"),
    immediate_shift(x0f(p66, 0x73) / 2, "vpsrlq"),
    immediate_shift(x0f(p66, 0x73) / 6, "vpsllq"),
}));
inline constexpr auto byte_shift_rows = join(
    wide_immediate_shift(x0f(p66, 0x73) / 3, "vpsrldq"),
    wide_immediate_shift(x0f(p66, 0x73) / 7, "vpslldq"));

// ---- PMOVSX, PMOVZX: the source is a half, a quarter or an eighth of the destination

constexpr std::array<InsnDef, 3> widening(int opcode, std::string_view name, Code narrow, Code wide) {
    return {vec(x38(p66, opcode), legacy_name(name), sse41, unaligned, {w(Vdq), narrow}),
            vec(v38(p66, opcode), name,              avx,   unaligned, {w(Vdq), narrow}, l0),
            vec(v38(p66, opcode), name,              avx2,  unaligned, {w(Vqq), wide},   l1)};
}

inline constexpr auto widening_rows = join(
    widening(0x20, "vpmovsxbw", Wq, Wdq), widening(0x30, "vpmovzxbw", Wq, Wdq),
    widening(0x21, "vpmovsxbd", Wd, Wq),  widening(0x31, "vpmovzxbd", Wd, Wq),
    widening(0x22, "vpmovsxbq", Ww, Wd),  widening(0x32, "vpmovzxbq", Ww, Wd),
    widening(0x23, "vpmovsxwd", Wq, Wdq), widening(0x33, "vpmovzxwd", Wq, Wdq),
    widening(0x24, "vpmovsxwq", Wd, Wq),  widening(0x34, "vpmovzxwq", Wd, Wq),
    widening(0x25, "vpmovsxdq", Wq, Wdq), widening(0x35, "vpmovzxdq", Wq, Wdq));

// ---- between vectors and general registers; W = 1 means 64 bits in 64-bit code only

inline constexpr auto vector_gpr_rows = std::to_array<InsnDef>({
    vec(x0f(np,  0x6e), "movd",      mmx,   mmx_regs,  {w(Pq), Ed}),
    vec(x0f(p66, 0x6e), "movd",      sse2,  unaligned, {w(Vdq), Ed}),
    vec(v0f(p66, 0x6e), "vmovd",     avx,   unaligned, {w(Vdq), Ed},           l0),
    vec(x0f(np,  0x7e), "movd",      mmx,   mmx_regs,  {w(Ed), Pq}),
    vec(x0f(p66, 0x7e), "movd",      sse2,  unaligned, {w(Ed), Vdq}),
    vec(v0f(p66, 0x7e), "vmovd",     avx,   unaligned, {w(Ed), Vdq},           l0),
    vec(x0f(np,  0xc4), "pinsrw",    sse,   mmx_regs,  {rw(Pq), Edw, Ib}),
    vec(x0f(p66, 0xc4), "pinsrw",    sse2,  unaligned, {rw(Vdq), Edw, Ib}),
    vec(v0f(p66, 0xc4), "vpinsrw",   avx,   unaligned, {w(Vdq), Hdq, Edw, Ib}, l0),
    vec(x0f(np,  0xc5), "pextrw",    sse,   mmx_regs,  {w(Gd), Nq, Ib}),
    vec(x0f(p66, 0xc5), "pextrw",    sse2,  unaligned, {w(Gd), Udq, Ib}),
    vec(v0f(p66, 0xc5), "vpextrw",   avx,   unaligned, {w(Gd), Udq, Ib},       l0),
    vec(x0f(np,  0xd7), "pmovmskb",  sse,   mmx_regs,  {w(Gd), Nq}),
    vec(x0f(p66, 0xd7), "pmovmskb",  sse2,  unaligned, {w(Gd), Ux}),
    vec(v0f(p66, 0xd7), "vpmovmskb", avx,   unaligned, {w(Gd), Ux},            l0),
    vec(v0f(p66, 0xd7), "vpmovmskb", avx2,  unaligned, {w(Gd), Ux},            l1),
    vec(x3a(p66, 0x14), "pextrb",    sse41, unaligned, {w(Edb), Vdq, Ib}),
    vec(v3a(p66, 0x14), "vpextrb",   avx,   unaligned, {w(Edb), Vdq, Ib},      l0),
    vec(x3a(p66, 0x15), "pextrw",    sse41, unaligned, {w(Edw), Vdq, Ib}),
    vec(v3a(p66, 0x15), "vpextrw",   avx,   unaligned, {w(Edw), Vdq, Ib},      l0),
    vec(x3a(p66, 0x16), "pextrd",    sse41, unaligned, {w(Edd), Vdq, Ib}),
    vec(v3a(p66, 0x16), "vpextrd",   avx,   unaligned, {w(Edd), Vdq, Ib},      l0),
    vec(x3a(p66, 0x20), "pinsrb",    sse41, unaligned, {rw(Vdq), Edb, Ib}),
    vec(v3a(p66, 0x20), "vpinsrb",   avx,   unaligned, {w(Vdq), Hdq, Edb, Ib}, l0),
    vec(x3a(p66, 0x22), "pinsrd",    sse41, unaligned, {rw(Vdq), Edd, Ib}),
    vec(v3a(p66, 0x22), "vpinsrd",   avx,   unaligned, {w(Vdq), Hdq, Edd, Ib}, l0),
});

// ---- moves and the rest

inline constexpr Flags test_flags{0, status, 0}; // PTEST: ZF and CF by the result, the others cleared

inline constexpr auto vector_move_rows = join(
    aligned_move(x0f(p66, 0x6f), "vmovdqa",   sse2, {w(Vx), Wx}),
    aligned_move(x0f(p66, 0x7f), "vmovdqa",   sse2, {w(Wx), Vx}),
    aligned_move(x0f(p66, 0xe7), "vmovntdq",  sse2, {w(Mx), Vx}),
    with_vex(x0f(pf3, 0x6f),     "vmovdqu",   sse2, unaligned, {w(Vx), Wx}, {w(Vx), Wx}),
    with_vex(x0f(pf3, 0x7f),     "vmovdqu",   sse2, unaligned, {w(Wx), Vx}, {w(Wx), Vx}),
    with_vex(x0f(pf2, 0xf0),     "vlddqu",    sse3, unaligned, {w(Vx), Mx}, {w(Vx), Mx}),
    with_vex128(x0f(pf3, 0x7e),  "vmovq",     sse2, unaligned, {w(Vdq), Wq}, {w(Vdq), Wq}),
    with_vex128(x0f(p66, 0xd6),  "vmovq",     sse2, unaligned, {w(Wq), Vdq}, {w(Wq), Vdq}),
    with_vex128(x38(p66, 0x41),  "vphminposuw", sse41, aligned, {w(Vdq), Wdq}, {w(Vdq), Wdq}),
    std::to_array<InsnDef>({
    vec(x38(p66, 0x2a), "movntdqa",  sse41, aligned,   {w(Vx), Mx}),
    vec(v38(p66, 0x2a), "vmovntdqa", avx,   aligned,   {w(Vx), Mx},        l0),
    vec(v38(p66, 0x2a), "vmovntdqa", avx2,  aligned,   {w(Vx), Mx},        l1),
    vec(x0f(np,  0x6f), "movq",      mmx,   mmx_regs,  {w(Pq), Qq}),
    vec(x0f(np,  0x7f), "movq",      mmx,   mmx_regs,  {w(Qq), Pq}),
    vec(x0f(np,  0xe7), "movntq",    sse,   mmx_regs,  {w(Mq), Pq}),
    vec(x0f(np,  0x70), "pshufw",    sse,   mmx_regs,  {w(Pq), Qq, Ib}),
    vec(x0f(np,  0x77), "emms",      mmx,   mmx_regs,  {}),
    vec(x0f(pf3, 0xd6), "movq2dq",   sse2,  mmx_and_sse, {w(Vdq), Nq}),
    vec(x0f(pf2, 0xd6), "movdq2q",   sse2,  mmx_and_sse, {w(Pq), Udq}),
    row(x0f(np,  0xf7), "maskmovq",    Op::maskmov, {Pq, Nq},    sse,  mmx_regs),
    row(x0f(p66, 0xf7), "maskmovdqu",  Op::maskmov, {Vdq, Udq},  sse2, unaligned),
    row(v0f(p66, 0xf7), "vmaskmovdqu", Op::maskmov, {Vdq, Udq},  avx,  unaligned, l0),
    vec(x38(p66, 0x17), "ptest",     sse41, aligned,   {Vx, Wx},           test_flags),
    vec(v38(p66, 0x17), "vptest",    avx,   unaligned, {Vx, Wx},           test_flags),
    vec(x38(p66, 0x10), "pblendvb",  sse41, aligned,   {rw(Vdq), Wdq}), // mask: XMM0
    vec(v3a(p66, 0x4c), "vpblendvb", avx,   unaligned, {w(Vx), Hx, Wx, Lx}, l0, w0),
    vec(v3a(p66, 0x4c), "vpblendvb", avx2,  unaligned, {w(Vx), Hx, Wx, Lx}, l1, w0),
    }));

// PCMPxSTRx: unaligned memory operands are fine; lengths in EAX and EDX (E forms), index to ECX (I forms).
constexpr std::array<InsnDef, 2> string_compare_row(int opcode, std::string_view name) {
    return {vec(x3a(p66, opcode), legacy_name(name), sse42, unaligned, {Vdq, Wdq, Ib}, all_flags),
            vec(v3a(p66, opcode), name,              avx,   unaligned, {Vdq, Wdq, Ib}, all_flags, l0)};
}
inline constexpr auto string_compare_rows = join(
    string_compare_row(0x60, "vpcmpestrm"), string_compare_row(0x61, "vpcmpestri"),
    string_compare_row(0x62, "vpcmpistrm"), string_compare_row(0x63, "vpcmpistri"));

// clang-format on

} // namespace ring3::insn::rows
