// Arithmetic, logic, shifts, bits, data transfer, strings (SDM 1 7.3.1 - 7.3.9; SDM 2).
#pragma once

#include "insn/row.h"

namespace ring3::insn::rows {

// clang-format off

// ---- the eight operations of opcodes 00-3F and 80-83 (SDM 2D table A-6, group 1)

constexpr std::array<InsnDef, 10> arithmetic(int number, std::string_view name, Op op, Flags flags) {
    int const start = number * 8;
    bool const writes = op != Op::cmp;
    auto const dst = [=](Code code) { return writes ? rw(code) : Operand{code}; };
    std::array<InsnDef, 10> forms{
        row(at(start + 0),         name, op, {dst(Eb), Gb},   flags),
        row(at(start + 1),         name, op, {dst(Ev), Gv},   flags),
        row(at(start + 2),         name, op, {dst(Gb), Eb},   flags),
        row(at(start + 3),         name, op, {dst(Gv), Ev},   flags),
        row(at(start + 4),         name, op, {dst(AL), Ib},   flags),
        row(at(start + 5),         name, op, {dst(eAX), Iz},  flags),
        row(at(0x80) / number,    name, op, {dst(Eb), Ib},   flags),
        row(at(0x81) / number,    name, op, {dst(Ev), Iz},   flags),
        row(at(0x82) / number,    name, op, {dst(Eb), Ib},   flags), // an alias of 80, not in 64-bit code
        row(at(0x83) / number,    name, op, {dst(Ev), Ibs},  flags)};
    for (auto& form : forms) form.lockable = writes && (form.operands[0].code == Eb || form.operands[0].code == Ev);
    return forms;
}

inline constexpr auto arithmetic_rows = join(
    arithmetic(0, "add", Op::add,  all_flags),
    arithmetic(1, "or",  Op::or_,  logic),
    arithmetic(2, "adc", Op::adc,  with_carry),
    arithmetic(3, "sbb", Op::sbb,  with_carry),
    arithmetic(4, "and", Op::and_, logic),
    arithmetic(5, "sub", Op::sub,  all_flags),
    arithmetic(6, "xor", Op::xor_, logic),
    arithmetic(7, "cmp", Op::cmp,  all_flags));

// ---- shifts and rotates (group 2). A count of 0 changes no flag, so the old ones are read where the count may be 0.

/// Counts other than 1 leave OF undefined; `by_count` says what else they do.
constexpr std::array<InsnDef, 6> shift(int number, std::string_view name, Op op, Flags by_one, Flags by_count) {
    return {row(at(0xc0) / number, name, op, {rw(Eb), Ib},  by_count),
            row(at(0xc1) / number, name, op, {rw(Ev), Ib},  by_count),
            row(at(0xd0) / number, name, op, {rw(Eb), one}, by_one),
            row(at(0xd1) / number, name, op, {rw(Ev), one}, by_one),
            row(at(0xd2) / number, name, op, {rw(Eb), CL},  by_count),
            row(at(0xd3) / number, name, op, {rw(Ev), CL},  by_count)};
}

inline constexpr Flags rotates      {0,           cf | of,      0},
                       rotates_n    {cf | of,     cf | of,      of},
                       rotates_cf   {cf,          cf | of,      0},
                       rotates_cf_n {cf | of,     cf | of,      of},
                       shifts       {0,           status & ~af, af},
                       shifts_n     {status,      status & ~af, af | of | cf}, // CF: counts of the width and more
                       sar_n        {status,      status & ~af, af | of};

inline constexpr auto shift_rows = join(
    shift(0, "rol", Op::rol, rotates,    rotates_n),
    shift(1, "ror", Op::ror, rotates,    rotates_n),
    shift(2, "rcl", Op::rcl, rotates_cf, rotates_cf_n),
    shift(3, "rcr", Op::rcr, rotates_cf, rotates_cf_n),
    shift(4, "shl", Op::shl, shifts,     shifts_n),
    shift(5, "shr", Op::shr, shifts,     shifts_n),
    shift(6, "shl", Op::shl, shifts,     shifts_n), // an alias of /4
    shift(7, "sar", Op::sar, shifts,     sar_n));

// ---- the rest of arithmetic

inline constexpr Flags multiplies  {0,       cf | of,                     sf | zf | af | pf},
                       decimal     {cf | af, status & ~of,                of},
                       ascii       {af,      af | cf,                     of | sf | zf | pf},
                       ascii_mul   {0,       sf | zf | pf,                of | af | cf},
                       double_shift{status,  status & ~af,                status},
                       bit_test    {0,       cf,                          of | sf | af | pf},
                       bit_scan    {0,       zf,                          status & ~zf},
                       bit_count   {0,       cf | zf,                     of | sf | af | pf};

inline constexpr auto more_arithmetic_rows = join(
    series<8>(row(at(0x40), "inc", Op::inc, {rw(Zv)}, but_carry)),
    series<8>(row(at(0x48), "dec", Op::dec, {rw(Zv)}, but_carry)),
    std::to_array<InsnDef>({
    row(at(0xfe) / 0,     "inc",    Op::inc,       {rw(Eb)},         but_carry, locks),
    row(at(0xff) / 0,     "inc",    Op::inc,       {rw(Ev)},         but_carry, locks),
    row(at(0xfe) / 1,     "dec",    Op::dec,       {rw(Eb)},         but_carry, locks),
    row(at(0xff) / 1,     "dec",    Op::dec,       {rw(Ev)},         but_carry, locks),
    row(at(0x84),         "test",   Op::test,      {Eb, Gb},         logic),
    row(at(0x85),         "test",   Op::test,      {Ev, Gv},         logic),
    row(at(0xa8),         "test",   Op::test,      {AL, Ib},         logic),
    row(at(0xa9),         "test",   Op::test,      {eAX, Iz},        logic),
    row(at(0xf6) / 0,     "test",   Op::test,      {Eb, Ib},         logic),
    row(at(0xf7) / 0,     "test",   Op::test,      {Ev, Iz},         logic),
    row(at(0xf6) / 1,     "test",   Op::test,      {Eb, Ib},         logic), // an alias of /0
    row(at(0xf7) / 1,     "test",   Op::test,      {Ev, Iz},         logic),
    row(at(0xf6) / 2,     "not",    Op::not_,      {rw(Eb)},         locks),
    row(at(0xf7) / 2,     "not",    Op::not_,      {rw(Ev)},         locks),
    row(at(0xf6) / 3,     "neg",    Op::neg,       {rw(Eb)},         all_flags, locks),
    row(at(0xf7) / 3,     "neg",    Op::neg,       {rw(Ev)},         all_flags, locks),
    row(at(0xf6) / 4,     "mul",    Op::mul,       {Eb},             multiplies),
    row(at(0xf7) / 4,     "mul",    Op::mul,       {Ev},             multiplies),
    row(at(0xf6) / 5,     "imul",   Op::imul_wide, {Eb},             multiplies),
    row(at(0xf7) / 5,     "imul",   Op::imul_wide, {Ev},             multiplies),
    row(at(0x69),         "imul",   Op::imul,      {w(Gv), Ev, Iz},  multiplies),
    row(at(0x6b),         "imul",   Op::imul,      {w(Gv), Ev, Ibs}, multiplies),
    row(x0f(0xaf),         "imul",   Op::imul,      {rw(Gv), Ev},     multiplies),
    row(at(0xf6) / 6,     "div",    Op::div,       {Eb},             no_flags_defined, faults),
    row(at(0xf7) / 6,     "div",    Op::div,       {Ev},             no_flags_defined, faults),
    row(at(0xf6) / 7,     "idiv",   Op::idiv,      {Eb},             no_flags_defined, faults),
    row(at(0xf7) / 7,     "idiv",   Op::idiv,      {Ev},             no_flags_defined, faults),
    row(at(0x27),         "daa",    Op::daa,       {},               decimal),
    row(at(0x2f),         "das",    Op::das,       {},               decimal),
    row(at(0x37),         "aaa",    Op::aaa,       {},               ascii),
    row(at(0x3f),         "aas",    Op::aas,       {},               ascii),
    row(at(0xd4),         "aam",    Op::aam,       {Ib},             ascii_mul, faults),
    row(at(0xd5),         "aad",    Op::aad,       {Ib},             ascii_mul),
    row(at(0x98),         "cbw",    Op::cbw,       {}),
    row(at(0x99),         "cwd",    Op::cwd,       {}),
    row(x0f(0xa4),         "shld",   Op::shld,      {rw(Ev), Gv, Ib}, double_shift),
    row(x0f(0xa5),         "shld",   Op::shld,      {rw(Ev), Gv, CL}, double_shift),
    row(x0f(0xac),         "shrd",   Op::shrd,      {rw(Ev), Gv, Ib}, double_shift),
    row(x0f(0xad),         "shrd",   Op::shrd,      {rw(Ev), Gv, CL}, double_shift),
    row(x0f(0xa3),         "bt",     Op::bt,        {Ev, Gv},         bit_test),
    row(x0f(0xab),         "bts",    Op::bts,       {rw(Ev), Gv},     bit_test, locks),
    row(x0f(0xb3),         "btr",    Op::btr,       {rw(Ev), Gv},     bit_test, locks),
    row(x0f(0xbb),         "btc",    Op::btc,       {rw(Ev), Gv},     bit_test, locks),
    row(x0f(0xba) / 4,     "bt",     Op::bt,        {Ev, Ib},         bit_test),
    row(x0f(0xba) / 5,     "bts",    Op::bts,       {rw(Ev), Ib},     bit_test, locks),
    row(x0f(0xba) / 6,     "btr",    Op::btr,       {rw(Ev), Ib},     bit_test, locks),
    row(x0f(0xba) / 7,     "btc",    Op::btc,       {rw(Ev), Ib},     bit_test, locks),
    // A source of 0 leaves the destination as it is on every processor, which makes it read.
    row(x0f(0xbc),         "bsf",    Op::bsf,       {rw(Gv), Ev},     bit_scan),
    row(x0f(0xbd),         "bsr",    Op::bsr,       {rw(Gv), Ev},     bit_scan),
    row(x0f(pf3, 0xbc),    "tzcnt",  Op::tzcnt,     {w(Gv), Ev},      bit_count, bmi1),
    row(x0f(pf3, 0xbd),    "lzcnt",  Op::lzcnt,     {w(Gv), Ev},      bit_count, lzcnt),
    row(x0f(pf3, 0xb8),    "popcnt", Op::popcnt,    {w(Gv), Ev},      all_flags, popcnt),
    row(x38(pf2, 0xf0),    "crc32",  Op::crc32,     {rw(Gd), Eb},     sse42),
    row(x38(pf2, 0xf1),    "crc32",  Op::crc32,     {rw(Gd), Ev},     sse42),
    row(x38(p66, 0xf6),    "adcx",   Op::adcx,      {rw(Gd), Ed},     Flags{cf, cf, 0}, adx),
    row(x38(pf3, 0xf6),    "adox",   Op::adox,      {rw(Gd), Ed},     Flags{of, of, 0}, adx),
    }));

// ---- BMI1 and BMI2: VEX-encoded, L = 0; W = 1 means 64-bit operands in 64-bit code only

inline constexpr Flags andn_flags {0, sf | zf | cf | of, af | pf},
                       bextr_flags{0, zf | cf | of,      af | sf | pf};

inline constexpr auto bmi_rows = std::to_array<InsnDef>({
    row(v38(np,  0xf2),     "andn",   Op::andn,   {w(Gd), By, Ed},    andn_flags,  bmi1, l0),
    row(v38(np,  0xf3) / 1, "blsr",   Op::blsr,   {w(By), Ed},        andn_flags,  bmi1, l0),
    row(v38(np,  0xf3) / 2, "blsmsk", Op::blsmsk, {w(By), Ed},        andn_flags,  bmi1, l0),
    row(v38(np,  0xf3) / 3, "blsi",   Op::blsi,   {w(By), Ed},        andn_flags,  bmi1, l0),
    row(v38(np,  0xf7),     "bextr",  Op::bextr,  {w(Gd), Ed, By},    bextr_flags, bmi1, l0),
    row(v38(np,  0xf5),     "bzhi",   Op::bzhi,   {w(Gd), Ed, By},    andn_flags,  bmi2, l0),
    row(v38(pf2, 0xf5),     "pdep",   Op::pdep,   {w(Gd), By, Ed},                 bmi2, l0),
    row(v38(pf3, 0xf5),     "pext",   Op::pext,   {w(Gd), By, Ed},                 bmi2, l0),
    row(v38(pf2, 0xf6),     "mulx",   Op::mulx,   {w(Gd), w(By), Ed},              bmi2, l0),
    row(v38(pf3, 0xf7),     "sarx",   Op::sarx,   {w(Gd), Ed, By},                 bmi2, l0),
    row(v38(p66, 0xf7),     "shlx",   Op::shlx,   {w(Gd), Ed, By},                 bmi2, l0),
    row(v38(pf2, 0xf7),     "shrx",   Op::shrx,   {w(Gd), Ed, By},                 bmi2, l0),
    row(v3a(pf2, 0xf0),     "rorx",   Op::rorx,   {w(Gd), Ed, Ib},                 bmi2, l0),
});

// clang-format on

} // namespace ring3::insn::rows
