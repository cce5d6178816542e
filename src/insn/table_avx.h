// What exists in VEX form only (AVX, AVX2, FMA, F16C; SDM 1 14), and cryptography (AES, PCLMULQDQ, SHA, GFNI).
#pragma once

#include "insn/simd_row.h"

namespace ring3::insn::rows {

// clang-format off

// ---- permutes, broadcasts, lanes

inline constexpr auto avx_rows = std::to_array<InsnDef>({
    vec(v0f(np,  0x77), "vzeroupper",     avx,  unaligned, {},                    l0),
    vec(v0f(np,  0x77), "vzeroall",       avx,  unaligned, {},                    l1),
    vec(v38(p66, 0x0c), "vpermilps",      avx,  unaligned, {w(Vx), Hx, Wx},       w0),
    vec(v38(p66, 0x0d), "vpermilpd",      avx,  unaligned, {w(Vx), Hx, Wx},       w0),
    vec(v3a(p66, 0x04), "vpermilps",      avx,  unaligned, {w(Vx), Wx, Ib},       w0),
    vec(v3a(p66, 0x05), "vpermilpd",      avx,  unaligned, {w(Vx), Wx, Ib},       w0),
    vec(v38(p66, 0x0e), "vtestps",        avx,  unaligned, {Vx, Wx},              w0, all_flags),
    vec(v38(p66, 0x0f), "vtestpd",        avx,  unaligned, {Vx, Wx},              w0, all_flags),
    vec(v38(p66, 0x18), "vbroadcastss",   avx,  unaligned, {w(Vx), Md},           w0),
    vec(v38(p66, 0x18), "vbroadcastss",   avx2, unaligned, {w(Vx), Udq},          w0),
    vec(v38(p66, 0x19), "vbroadcastsd",   avx,  unaligned, {w(Vqq), Mq},          l1, w0),
    vec(v38(p66, 0x19), "vbroadcastsd",   avx2, unaligned, {w(Vqq), Udq},         l1, w0),
    vec(v38(p66, 0x1a), "vbroadcastf128", avx,  unaligned, {w(Vqq), Mdq},         l1, w0),
    vec(v38(p66, 0x5a), "vbroadcasti128", avx2, unaligned, {w(Vqq), Mdq},         l1, w0),
    vec(v38(p66, 0x58), "vpbroadcastd",   avx2, unaligned, {w(Vx), Wd},           w0),
    vec(v38(p66, 0x59), "vpbroadcastq",   avx2, unaligned, {w(Vx), Wq},           w0),
    vec(v38(p66, 0x78), "vpbroadcastb",   avx2, unaligned, {w(Vx), Wb},           w0),
    vec(v38(p66, 0x79), "vpbroadcastw",   avx2, unaligned, {w(Vx), Ww},           w0),
    vec(v38(p66, 0x16), "vpermps",        avx2, unaligned, {w(Vqq), Hqq, Wqq},    l1, w0),
    vec(v38(p66, 0x36), "vpermd",         avx2, unaligned, {w(Vqq), Hqq, Wqq},    l1, w0),
    vec(v3a(p66, 0x00), "vpermq",         avx2, unaligned, {w(Vqq), Wqq, Ib},     l1, w1),
    vec(v3a(p66, 0x01), "vpermpd",        avx2, unaligned, {w(Vqq), Wqq, Ib},     l1, w1),
    vec(v3a(p66, 0x02), "vpblendd",       avx2, unaligned, {w(Vx), Hx, Wx, Ib},   w0),
    vec(v3a(p66, 0x06), "vperm2f128",     avx,  unaligned, {w(Vqq), Hqq, Wqq, Ib}, l1, w0),
    vec(v3a(p66, 0x46), "vperm2i128",     avx2, unaligned, {w(Vqq), Hqq, Wqq, Ib}, l1, w0),
    vec(v3a(p66, 0x18), "vinsertf128",    avx,  unaligned, {w(Vqq), Hqq, Wdq, Ib}, l1, w0),
    vec(v3a(p66, 0x38), "vinserti128",    avx2, unaligned, {w(Vqq), Hqq, Wdq, Ib}, l1, w0),
    vec(v3a(p66, 0x19), "vextractf128",   avx,  unaligned, {w(Wdq), Vqq, Ib},     l1, w0),
    vec(v3a(p66, 0x39), "vextracti128",   avx2, unaligned, {w(Wdq), Vqq, Ib},     l1, w0),
    vec(v38(p66, 0x45), "vpsrlvd",        avx2, unaligned, {w(Vx), Hx, Wx},       w0),
    vec(v38(p66, 0x45), "vpsrlvq",        avx2, unaligned, {w(Vx), Hx, Wx},       w1),
    vec(v38(p66, 0x46), "vpsravd",        avx2, unaligned, {w(Vx), Hx, Wx},       w0),
    vec(v38(p66, 0x47), "vpsllvd",        avx2, unaligned, {w(Vx), Hx, Wx},       w0),
    vec(v38(p66, 0x47), "vpsllvq",        avx2, unaligned, {w(Vx), Hx, Wx},       w1),
    vec(v38(p66, 0x13), "vcvtph2ps",      f16c, unaligned, {w(Vdq), Wq},          l0, w0),
    vec(v38(p66, 0x13), "vcvtph2ps",      f16c, unaligned, {w(Vqq), Wdq},         l1, w0),
    vec(v3a(p66, 0x1d), "vcvtps2ph",      f16c, unaligned, {w(Wq), Vdq, Ib},      l0, w0),
    vec(v3a(p66, 0x1d), "vcvtps2ph",      f16c, unaligned, {w(Wdq), Vqq, Ib},     l1, w0),
});

// Masked moves: elements whose mask bit is clear are not accessed and do not fault.
inline constexpr auto masked_move_rows = std::to_array<InsnDef>({
    row(v38(p66, 0x2c), "vmaskmovps", Op::vmaskmov, {w(Vx), Hx, Mx}, avx,  unaligned, w0),
    row(v38(p66, 0x2d), "vmaskmovpd", Op::vmaskmov, {w(Vx), Hx, Mx}, avx,  unaligned, w0),
    row(v38(p66, 0x2e), "vmaskmovps", Op::vmaskmov, {w(Mx), Hx, Vx}, avx,  unaligned, w0),
    row(v38(p66, 0x2f), "vmaskmovpd", Op::vmaskmov, {w(Mx), Hx, Vx}, avx,  unaligned, w0),
    row(v38(p66, 0x8c), "vpmaskmovd", Op::vmaskmov, {w(Vx), Hx, Mx}, avx2, unaligned, w0),
    row(v38(p66, 0x8c), "vpmaskmovq", Op::vmaskmov, {w(Vx), Hx, Mx}, avx2, unaligned, w1),
    row(v38(p66, 0x8e), "vpmaskmovd", Op::vmaskmov, {w(Mx), Hx, Vx}, avx2, unaligned, w0),
    row(v38(p66, 0x8e), "vpmaskmovq", Op::vmaskmov, {w(Mx), Hx, Vx}, avx2, unaligned, w1),
});

// Gathers: 90, 92 have doubleword indices, 91, 93 quadword ones; W chooses the elements.
inline constexpr auto gather_rows = std::to_array<InsnDef>({
    row(v38(p66, 0x90), "vpgatherdd", Op::gather, {rw(Vx), VMd, rw(Hx)}, avx2, unaligned, w0),
    row(v38(p66, 0x90), "vpgatherdq", Op::gather, {rw(Vx), VMq, rw(Hx)}, avx2, unaligned, w1),
    row(v38(p66, 0x91), "vpgatherqd", Op::gather, {rw(Vx), VMd, rw(Hx)}, avx2, unaligned, w0),
    row(v38(p66, 0x91), "vpgatherqq", Op::gather, {rw(Vx), VMq, rw(Hx)}, avx2, unaligned, w1),
    row(v38(p66, 0x92), "vgatherdps", Op::gather, {rw(Vx), VMd, rw(Hx)}, avx2, unaligned, w0),
    row(v38(p66, 0x92), "vgatherdpd", Op::gather, {rw(Vx), VMq, rw(Hx)}, avx2, unaligned, w1),
    row(v38(p66, 0x93), "vgatherqps", Op::gather, {rw(Vx), VMd, rw(Hx)}, avx2, unaligned, w0),
    row(v38(p66, 0x93), "vgatherqpd", Op::gather, {rw(Vx), VMq, rw(Hx)}, avx2, unaligned, w1),
});

// ---- FMA: the opcode's high digit says which operands are multiplied (132, 213, 231), its low digit the operation

/// One row of each: packed single and double (W), and for odd operations scalar.
constexpr std::array<InsnDef, 6> fused_packed(int low, std::array<std::string_view, 6> names) {
    std::array<InsnDef, 6> all{};
    for (int i = 0; i < 6; ++i)
        all[static_cast<unsigned>(i)] = vec(v38(p66, 0x90 + 0x10 * (i / 2) + low), names[static_cast<unsigned>(i)],
            fma, unaligned, {rw(Vx), Hx, Wx}, i % 2 == 0 ? w0 : w1);
    return all;
}
constexpr std::array<InsnDef, 6> fused_scalar(int low, std::array<std::string_view, 6> names) {
    std::array<InsnDef, 6> all{};
    for (int i = 0; i < 6; ++i)
        all[static_cast<unsigned>(i)] = vec(v38(p66, 0x90 + 0x10 * (i / 2) + low), names[static_cast<unsigned>(i)],
            fma, unaligned, {rw(Vdq), Hdq, i % 2 == 0 ? Wd : Wq}, i % 2 == 0 ? w0 : w1);
    return all;
}

inline constexpr auto fma_rows = join(
    fused_packed(0x6, {"vfmaddsub132ps", "vfmaddsub132pd", "vfmaddsub213ps", "vfmaddsub213pd",
                       "vfmaddsub231ps", "vfmaddsub231pd"}),
    fused_packed(0x7, {"vfmsubadd132ps", "vfmsubadd132pd", "vfmsubadd213ps", "vfmsubadd213pd",
                       "vfmsubadd231ps", "vfmsubadd231pd"}),
    fused_packed(0x8, {"vfmadd132ps", "vfmadd132pd", "vfmadd213ps", "vfmadd213pd", "vfmadd231ps", "vfmadd231pd"}),
    fused_scalar(0x9, {"vfmadd132ss", "vfmadd132sd", "vfmadd213ss", "vfmadd213sd", "vfmadd231ss", "vfmadd231sd"}),
    fused_packed(0xa, {"vfmsub132ps", "vfmsub132pd", "vfmsub213ps", "vfmsub213pd", "vfmsub231ps", "vfmsub231pd"}),
    fused_scalar(0xb, {"vfmsub132ss", "vfmsub132sd", "vfmsub213ss", "vfmsub213sd", "vfmsub231ss", "vfmsub231sd"}),
    fused_packed(0xc, {"vfnmadd132ps", "vfnmadd132pd", "vfnmadd213ps", "vfnmadd213pd", "vfnmadd231ps",
                       "vfnmadd231pd"}),
    fused_scalar(0xd, {"vfnmadd132ss", "vfnmadd132sd", "vfnmadd213ss", "vfnmadd213sd", "vfnmadd231ss",
                       "vfnmadd231sd"}),
    fused_packed(0xe, {"vfnmsub132ps", "vfnmsub132pd", "vfnmsub213ps", "vfnmsub213pd", "vfnmsub231ps",
                       "vfnmsub231pd"}),
    fused_scalar(0xf, {"vfnmsub132ss", "vfnmsub132sd", "vfnmsub213ss", "vfnmsub213sd", "vfnmsub231ss",
                       "vfnmsub231sd"}));

// ---- cryptography: the legacy form, VEX.128, and since VAES and VPCLMULQDQ VEX.256

constexpr std::array<InsnDef, 3> aes_round(int opcode, std::string_view name) {
    return {vec(x38(p66, opcode), legacy_name(name), aes,  aligned,   {rw(Vdq), Wdq}),
            vec(v38(p66, opcode), name,              aes,  unaligned, {w(Vx), Hx, Wx}, l0),
            vec(v38(p66, opcode), name,              vaes, unaligned, {w(Vx), Hx, Wx}, l1)};
}

inline constexpr auto crypto_rows = join(
    aes_round(0xdc, "vaesenc"), aes_round(0xdd, "vaesenclast"),
    aes_round(0xde, "vaesdec"), aes_round(0xdf, "vaesdeclast"),
    std::to_array<InsnDef>({
    vec(x38(p66, 0xdb), "aesimc",           aes,     aligned,   {w(Vdq), Wdq}),
    vec(v38(p66, 0xdb), "vaesimc",          aes,     unaligned, {w(Vdq), Wdq},          l0),
    vec(x3a(p66, 0xdf), "aeskeygenassist",  aes,     aligned,   {w(Vdq), Wdq, Ib}),
    vec(v3a(p66, 0xdf), "vaeskeygenassist", aes,     unaligned, {w(Vdq), Wdq, Ib},      l0),
    vec(x3a(p66, 0x44), "pclmulqdq",        pclmul,  aligned,   {rw(Vdq), Wdq, Ib}),
    vec(v3a(p66, 0x44), "vpclmulqdq",       pclmul,  unaligned, {w(Vx), Hx, Wx, Ib},    l0),
    vec(v3a(p66, 0x44), "vpclmulqdq",       vpclmul, unaligned, {w(Vx), Hx, Wx, Ib},    l1),
    vec(x38(np,  0xc8), "sha1nexte",        sha,     aligned,   {rw(Vdq), Wdq}),
    vec(x38(np,  0xc9), "sha1msg1",         sha,     aligned,   {rw(Vdq), Wdq}),
    vec(x38(np,  0xca), "sha1msg2",         sha,     aligned,   {rw(Vdq), Wdq}),
    vec(x38(np,  0xcb), "sha256rnds2",      sha,     aligned,   {rw(Vdq), Wdq}), // and XMM0
    vec(x38(np,  0xcc), "sha256msg1",       sha,     aligned,   {rw(Vdq), Wdq}),
    vec(x38(np,  0xcd), "sha256msg2",       sha,     aligned,   {rw(Vdq), Wdq}),
    vec(x3a(np,  0xcc), "sha1rnds4",        sha,     aligned,   {rw(Vdq), Wdq, Ib}),
    vec(x38(p66, 0xcf), "gf2p8mulb",        gfni,    aligned,   {rw(Vdq), Wdq}),
    vec(v38(p66, 0xcf), "vgf2p8mulb",       gfni,    unaligned, {w(Vx), Hx, Wx},        w0),
    vec(x3a(p66, 0xce), "gf2p8affineqb",    gfni,    aligned,   {rw(Vdq), Wdq, Ib}),
    vec(v3a(p66, 0xce), "vgf2p8affineqb",   gfni,    unaligned, {w(Vx), Hx, Wx, Ib},    w1),
    vec(x3a(p66, 0xcf), "gf2p8affineinvqb", gfni,    aligned,   {rw(Vdq), Wdq, Ib}),
    vec(v3a(p66, 0xcf), "vgf2p8affineinvqb", gfni,   unaligned, {w(Vx), Hx, Wx, Ib},    w1),
    }));

// clang-format on

} // namespace ring3::insn::rows
