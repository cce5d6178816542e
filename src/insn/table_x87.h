// The x87 FPU: opcodes D8-DF (SDM 2D tables, B-42).
//
// Besides the documented forms there are the aliases that every processor since the 8087 has: other encodings of FXCH,
// FSTP and FCOM(P), FFREEP, and the 8087's and 287's FENI, FDISI and FSETPM as operations that do nothing.
#pragma once

#include "insn/row.h"

namespace ring3::insn::rows {

// clang-format off

inline constexpr VectorType waits = VectorType::x87, no_wait = VectorType::x87_nowait;

template <class... Facts> constexpr InsnDef x87(Place place, std::string_view name, Operands operands, Facts... facts) {
    return row(place, name, Op::x87, operands, fpu, waits, facts...);
}

/// An instruction without operands: ModRM is its name.
constexpr InsnDef x87_modrm(int opcode, int modrm, std::string_view name) {
    return x87(at(opcode) / ((modrm >> 3) & 7), name, {}, rm(modrm & 7));
}

/// The eight operations of D8, DA, DC and DE on a memory operand.
constexpr std::array<InsnDef, 8> x87_memory(int opcode, Code code, std::array<char const*, 8> names) {
    std::array<InsnDef, 8> all{};
    for (int i = 0; i < 8; ++i) all[static_cast<unsigned>(i)] = x87(at(opcode) / i, "", {code}, mem_only);
    return named(all, names);
}

inline constexpr auto x87_arithmetic_rows = join(
    x87_memory(0xd8, Md, {"fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"}),
    x87_memory(0xda, Md, {"fiadd", "fimul", "ficom", "ficomp", "fisub", "fisubr", "fidiv", "fidivr"}),
    x87_memory(0xdc, Mq, {"fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"}),
    x87_memory(0xde, Mw, {"fiadd", "fimul", "ficom", "ficomp", "fisub", "fisubr", "fidiv", "fidivr"}),
    std::to_array<InsnDef>({
    x87(at(0xd8) / 0, "fadd",    {rw(ST0), STi},     reg_only),
    x87(at(0xd8) / 1, "fmul",    {rw(ST0), STi},     reg_only),
    x87(at(0xd8) / 2, "fcom",    {ST0, STi},         reg_only),
    x87(at(0xd8) / 3, "fcomp",   {ST0, STi},         reg_only),
    x87(at(0xd8) / 4, "fsub",    {rw(ST0), STi},     reg_only),
    x87(at(0xd8) / 5, "fsubr",   {rw(ST0), STi},     reg_only),
    x87(at(0xd8) / 6, "fdiv",    {rw(ST0), STi},     reg_only),
    x87(at(0xd8) / 7, "fdivr",   {rw(ST0), STi},     reg_only),
    x87(at(0xdc) / 0, "fadd",    {rw(STi), ST0},     reg_only),
    x87(at(0xdc) / 1, "fmul",    {rw(STi), ST0},     reg_only),
    x87(at(0xdc) / 2, "fcom",    {ST0, STi},         reg_only), // alias
    x87(at(0xdc) / 3, "fcomp",   {ST0, STi},         reg_only), // alias
    x87(at(0xdc) / 4, "fsubr",   {rw(STi), ST0},     reg_only),
    x87(at(0xdc) / 5, "fsub",    {rw(STi), ST0},     reg_only),
    x87(at(0xdc) / 6, "fdivr",   {rw(STi), ST0},     reg_only),
    x87(at(0xdc) / 7, "fdiv",    {rw(STi), ST0},     reg_only),
    x87(at(0xde) / 0, "faddp",   {rw(STi), ST0},     reg_only),
    x87(at(0xde) / 1, "fmulp",   {rw(STi), ST0},     reg_only),
    x87(at(0xde) / 2, "fcomp",   {ST0, STi},         reg_only), // alias
    x87(at(0xde) / 4, "fsubrp",  {rw(STi), ST0},     reg_only),
    x87(at(0xde) / 5, "fsubp",   {rw(STi), ST0},     reg_only),
    x87(at(0xde) / 6, "fdivrp",  {rw(STi), ST0},     reg_only),
    x87(at(0xde) / 7, "fdivp",   {rw(STi), ST0},     reg_only),
    x87(at(0xdd) / 4, "fucom",   {ST0, STi},         reg_only),
    x87(at(0xdd) / 5, "fucomp",  {ST0, STi},         reg_only),
    // ZF, PF and CF tell the result; OF, SF and AF are cleared, as by COMISS.
    x87(at(0xdb) / 5, "fucomi",  {ST0, STi},         reg_only, all_flags, cmov),
    x87(at(0xdb) / 6, "fcomi",   {ST0, STi},         reg_only, all_flags, cmov),
    x87(at(0xdf) / 5, "fucomip", {ST0, STi},         reg_only, all_flags, cmov),
    x87(at(0xdf) / 6, "fcomip",  {ST0, STi},         reg_only, all_flags, cmov),
    x87_modrm(0xde, 0xd9, "fcompp"),
    x87_modrm(0xda, 0xe9, "fucompp"),
    }));

inline constexpr auto x87_transfer_rows = std::to_array<InsnDef>({
    x87(at(0xd9) / 0, "fld",     {Md}),
    x87(at(0xdd) / 0, "fld",     {Mq}),
    x87(at(0xdb) / 5, "fld",     {Mt}),
    x87(at(0xd9) / 2, "fst",     {w(Md)}),
    x87(at(0xdd) / 2, "fst",     {w(Mq)}),
    x87(at(0xd9) / 3, "fstp",    {w(Md)}),
    x87(at(0xdd) / 3, "fstp",    {w(Mq)}),
    x87(at(0xdb) / 7, "fstp",    {w(Mt)}),
    x87(at(0xdf) / 0, "fild",    {Mw}),
    x87(at(0xdb) / 0, "fild",    {Md}),
    x87(at(0xdf) / 5, "fild",    {Mq}),
    x87(at(0xdf) / 1, "fisttp",  {w(Mw)},            sse3),
    x87(at(0xdb) / 1, "fisttp",  {w(Md)},            sse3),
    x87(at(0xdd) / 1, "fisttp",  {w(Mq)},            sse3),
    x87(at(0xdf) / 2, "fist",    {w(Mw)}),
    x87(at(0xdb) / 2, "fist",    {w(Md)}),
    x87(at(0xdf) / 3, "fistp",   {w(Mw)}),
    x87(at(0xdb) / 3, "fistp",   {w(Md)}),
    x87(at(0xdf) / 7, "fistp",   {w(Mq)}),
    x87(at(0xdf) / 4, "fbld",    {Mt}),
    x87(at(0xdf) / 6, "fbstp",   {w(Mt)}),
    x87(at(0xd9) / 0, "fld",     {STi},              reg_only),
    x87(at(0xdd) / 2, "fst",     {w(STi), ST0},      reg_only),
    x87(at(0xdd) / 3, "fstp",    {w(STi), ST0},      reg_only),
    x87(at(0xd9) / 3, "fstpnce", {w(STi), ST0},      reg_only), // FSTP alias; takes no stack fault from an empty ST(0)
    x87(at(0xdf) / 2, "fstp",    {w(STi), ST0},      reg_only), // alias
    x87(at(0xdf) / 3, "fstp",    {w(STi), ST0},      reg_only), // alias
    x87(at(0xd9) / 1, "fxch",    {rw(ST0), rw(STi)}, reg_only),
    x87(at(0xdd) / 1, "fxch",    {rw(ST0), rw(STi)}, reg_only), // alias
    x87(at(0xdf) / 1, "fxch",    {rw(ST0), rw(STi)}, reg_only), // alias
    x87(at(0xda) / 0, "fcmovb",  {rw(ST0), STi},     reg_only, Flags{cf, 0, 0}, cmov),
    x87(at(0xda) / 1, "fcmove",  {rw(ST0), STi},     reg_only, Flags{zf, 0, 0}, cmov),
    x87(at(0xda) / 2, "fcmovbe", {rw(ST0), STi},     reg_only, Flags{cf | zf, 0, 0}, cmov),
    x87(at(0xda) / 3, "fcmovu",  {rw(ST0), STi},     reg_only, Flags{pf, 0, 0}, cmov),
    x87(at(0xdb) / 0, "fcmovnb", {rw(ST0), STi},     reg_only, Flags{cf, 0, 0}, cmov),
    x87(at(0xdb) / 1, "fcmovne", {rw(ST0), STi},     reg_only, Flags{zf, 0, 0}, cmov),
    x87(at(0xdb) / 2, "fcmovnbe", {rw(ST0), STi},    reg_only, Flags{cf | zf, 0, 0}, cmov),
    x87(at(0xdb) / 3, "fcmovnu", {rw(ST0), STi},     reg_only, Flags{pf, 0, 0}, cmov),
});

inline constexpr auto x87_function_rows = std::to_array<InsnDef>({
    x87_modrm(0xd9, 0xd0, "fnop"),
    x87_modrm(0xd9, 0xe0, "fchs"),
    x87_modrm(0xd9, 0xe1, "fabs"),
    x87_modrm(0xd9, 0xe4, "ftst"),
    x87_modrm(0xd9, 0xe5, "fxam"),
    x87_modrm(0xd9, 0xe8, "fld1"),
    x87_modrm(0xd9, 0xe9, "fldl2t"),
    x87_modrm(0xd9, 0xea, "fldl2e"),
    x87_modrm(0xd9, 0xeb, "fldpi"),
    x87_modrm(0xd9, 0xec, "fldlg2"),
    x87_modrm(0xd9, 0xed, "fldln2"),
    x87_modrm(0xd9, 0xee, "fldz"),
    x87_modrm(0xd9, 0xf0, "f2xm1"),
    x87_modrm(0xd9, 0xf1, "fyl2x"),
    x87_modrm(0xd9, 0xf2, "fptan"),
    x87_modrm(0xd9, 0xf3, "fpatan"),
    x87_modrm(0xd9, 0xf4, "fxtract"),
    x87_modrm(0xd9, 0xf5, "fprem1"),
    x87_modrm(0xd9, 0xf6, "fdecstp"),
    x87_modrm(0xd9, 0xf7, "fincstp"),
    x87_modrm(0xd9, 0xf8, "fprem"),
    x87_modrm(0xd9, 0xf9, "fyl2xp1"),
    x87_modrm(0xd9, 0xfa, "fsqrt"),
    x87_modrm(0xd9, 0xfb, "fsincos"),
    x87_modrm(0xd9, 0xfc, "frndint"),
    x87_modrm(0xd9, 0xfd, "fscale"),
    x87_modrm(0xd9, 0xfe, "fsin"),
    x87_modrm(0xd9, 0xff, "fcos"),
    x87(at(0xdd) / 0, "ffree",  {w(STi)}, reg_only),
    x87(at(0xdf) / 0, "ffreep", {w(STi)}, reg_only), // FFREE and pop
});

// Control: the forms without WAIT do not look at pending errors (SDM 1 8.6).
inline constexpr auto x87_control_rows = std::to_array<InsnDef>({
    row(at(0x9b),          "fwait",   Op::fwait,     {},          fpu, waits),
    row(at(0xd9) / 4,      "fldenv",  Op::fldenv,    {Mfpu},      fpu, waits),
    row(at(0xd9) / 5,      "fldcw",   Op::fldcw,     {Mw},        fpu, waits),
    row(at(0xd9) / 6,      "fnstenv", Op::fnstenv,   {w(Mfpu)},   fpu, no_wait),
    row(at(0xd9) / 7,      "fnstcw",  Op::fnstcw,    {w(Mw)},     fpu, no_wait),
    row(at(0xdd) / 4,      "frstor",  Op::frstor,    {Mfpu},      fpu, waits),
    row(at(0xdd) / 6,      "fnsave",  Op::fnsave,    {w(Mfpu)},   fpu, no_wait),
    row(at(0xdd) / 7,      "fnstsw",  Op::x87,       {w(Mw)},     fpu, no_wait),
    row(at(0xdf) / 4,      "fnstsw",  Op::fnstsw_ax, {w(AX)},     fpu, no_wait, rm(0)),
    row(at(0xdb) / 4,      "fneni",   Op::x87,       {},          fpu, no_wait, rm(0)),
    row(at(0xdb) / 4,      "fndisi",  Op::x87,       {},          fpu, no_wait, rm(1)),
    row(at(0xdb) / 4,      "fnclex",  Op::fnclex,    {},          fpu, no_wait, rm(2)),
    row(at(0xdb) / 4,      "fninit",  Op::fninit,    {},          fpu, no_wait, rm(3)),
    row(at(0xdb) / 4,      "fnsetpm", Op::x87,       {},          fpu, no_wait, rm(4)),
});

// clang-format on

} // namespace ring3::insn::rows
