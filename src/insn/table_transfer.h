// Data transfer and strings (SDM 1 7.3.1, 7.3.2, 7.3.9).
#pragma once

#include "insn/row.h"

namespace ring3::insn::rows {

// clang-format off

// MOV from and to segment registers (SDM 3A 3.4.3): a selector shows the privilege level; loading one reads a descriptor.
inline constexpr Sensitive shows = Sensitive::behaviour, changes = Sensitive::control, both = Sensitive::both;
inline constexpr Ends system_change = Ends::system;

inline constexpr auto move_rows = join(
    series<8>(row(at(0xb0), "mov", Op::mov, {w(Zb), Ib})),
    series<8>(row(at(0xb8), "mov", Op::mov, {w(Zv), Iz})),
    std::to_array<InsnDef>({
    row(at(0x88),          "mov",   Op::mov,      {w(Eb), Gb}),
    row(at(0x89),          "mov",   Op::mov,      {w(Ev), Gv}),
    row(at(0x8a),          "mov",   Op::mov,      {w(Gb), Eb}),
    row(at(0x8b),          "mov",   Op::mov,      {w(Gv), Ev}),
    row(at(0xa0),          "mov",   Op::mov,      {w(AL), Ob}),
    row(at(0xa1),          "mov",   Op::mov,      {w(eAX), Ov}),
    row(at(0xa2),          "mov",   Op::mov,      {w(Ob), AL}),
    row(at(0xa3),          "mov",   Op::mov,      {w(Ov), eAX}),
    row(at(0xc6) / 0,      "mov",   Op::mov,      {w(Eb), Ib}),
    row(at(0xc7) / 0,      "mov",   Op::mov,      {w(Ev), Iz}),
    row(x0f(np, 0xc3),     "movnti", Op::mov,     {w(Ed), Gd},  sse2, mem_only),
    row(x0f(0xb6),         "movzx", Op::movzx,    {w(Gv), Eb}),
    row(x0f(0xb7),         "movzx", Op::movzx,    {w(Gv), Ew}),
    row(x0f(0xbe),         "movsx", Op::movsx,    {w(Gv), Eb}),
    row(x0f(0xbf),         "movsx", Op::movsx,    {w(Gv), Ew}),
    row(x38(np,  0xf0),    "movbe", Op::movbe,    {w(Gv), Ev},  movbe, mem_only),
    row(x38(p66, 0xf0),    "movbe", Op::movbe,    {w(Gv), Ev},  movbe, mem_only),
    row(x38(np,  0xf1),    "movbe", Op::movbe,    {w(Ev), Gv},  movbe, mem_only),
    row(x38(p66, 0xf1),    "movbe", Op::movbe,    {w(Ev), Gv},  movbe, mem_only),
    row(at(0x8d),          "lea",   Op::lea,      {w(Gv), untouched(M)}),
    row(at(0xd7),          "xlat",  Op::xlat,     {}),
    }));

inline constexpr auto exchange_rows = join(
    series<8>(row(x0f(0xc8), "bswap", Op::bswap, {rw(Zv)})),
    series<7>(row(at(0x91),  "xchg",  Op::xchg,  {rw(Zv), rw(eAX)})),
    std::to_array<InsnDef>({
    row(at(0x86),          "xchg",      Op::xchg,      {rw(Eb), rw(Gb)},              locks),
    row(at(0x87),          "xchg",      Op::xchg,      {rw(Ev), rw(Gv)},              locks),
    row(x0f(0xb0),         "cmpxchg",   Op::cmpxchg,   {rw(Eb), Gb},      all_flags,  locks),
    row(x0f(0xb1),         "cmpxchg",   Op::cmpxchg,   {rw(Ev), Gv},      all_flags,  locks),
    row(x0f(0xc7) / 1,     "cmpxchg8b", Op::cmpxchg8b, {rw(Mq)},          zero_flag,  locks, cx8),
    row(x0f(0xc0),         "xadd",      Op::xadd,      {rw(Eb), rw(Gb)},  all_flags,  locks),
    row(x0f(0xc1),         "xadd",      Op::xadd,      {rw(Ev), rw(Gv)},  all_flags,  locks),
    }));

// The conditions of Jcc, SETcc and CMOVcc in the order of SDM 2D table B-10, and the flags they read.
inline constexpr std::array<FlagMask, 16> condition_flags{
    of, of, cf, cf, zf, zf, cf | zf, cf | zf, sf, sf, pf, pf, sf | of, sf | of, zf | sf | of, zf | sf | of};

constexpr std::array<InsnDef, 16> conditional(InsnDef first, std::array<char const*, 16> names) {
    auto all = named(series<16>(first), names);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].reads = condition_flags[i];
    return all;
}

inline constexpr auto conditional_move_rows = join(
    conditional(row(x0f(0x40), "cmov", Op::cmov, {rw(Gv), Ev}, cmov),
        {"cmovo", "cmovno", "cmovb", "cmovnb", "cmovz", "cmovnz", "cmovbe", "cmovnbe",
         "cmovs", "cmovns", "cmovp", "cmovnp", "cmovl", "cmovnl", "cmovle", "cmovnle"}),
    conditional(row(x0f(0x90), "set", Op::setcc, {w(Eb)}),
        {"seto", "setno", "setb", "setnb", "setz", "setnz", "setbe", "setnbe",
         "sets", "setns", "setp", "setnp", "setl", "setnl", "setle", "setnle"}));

// ---- the stack. Its own accesses may fault besides those of a memory operand.

inline constexpr Flags flags_image{status | df, 0, 0};

inline constexpr auto stack_rows = join(
    series<8>(row(at(0x50), "push", Op::push, {Zv},    faults)),
    series<8>(row(at(0x58), "pop",  Op::pop,  {w(Zv)}, faults)),
    std::to_array<InsnDef>({
    row(at(0x68),          "push",  Op::push,         {Iz},     faults),
    row(at(0x6a),          "push",  Op::push,         {Ibs},    faults),
    row(at(0xff) / 6,      "push",  Op::push,         {Ev},     faults),
    row(at(0x8f) / 0,      "pop",   Op::pop,          {w(Ev)},  faults),
    row(at(0x60),          "pusha", Op::pusha,        {},       faults),
    row(at(0x61),          "popa",  Op::popa,         {},       faults),
    row(at(0xc8),          "enter", Op::enter,        {Iw_Ib},  faults),
    row(at(0xc9),          "leave", Op::leave,        {},       faults),
    // PUSHF shows IF and IOPL as they are; POPF drops what the privilege level does not allow, without a fault.
    row(at(0x9c),          "pushf", Op::pushf,        {},       faults, shows, flags_image),
    row(at(0x9d),          "popf",  Op::popf,         {},       faults, both, system_change, Flags{0, status | df, 0}),
    row(at(0x06),          "push",  Op::push_segment, {ES},     faults, shows),
    row(at(0x0e),          "push",  Op::push_segment, {CS},     faults, shows),
    row(at(0x16),          "push",  Op::push_segment, {SS},     faults, shows),
    row(at(0x1e),          "push",  Op::push_segment, {DS},     faults, shows),
    row(x0f(0xa0),         "push",  Op::push_segment, {FS},     faults, shows),
    row(x0f(0xa8),         "push",  Op::push_segment, {GS},     faults, shows),
    row(at(0x07),          "pop",   Op::pop_segment,  {w(ES)},  faults, both, system_change),
    row(at(0x17),          "pop",   Op::pop_segment,  {w(SS)},  faults, both, system_change),
    row(at(0x1f),          "pop",   Op::pop_segment,  {w(DS)},  faults, both, system_change),
    row(x0f(0xa1),         "pop",   Op::pop_segment,  {w(FS)},  faults, both, system_change),
    row(x0f(0xa9),         "pop",   Op::pop_segment,  {w(GS)},  faults, both, system_change),
    }));

inline constexpr auto segment_rows = std::to_array<InsnDef>({
    row(at(0x8c),          "mov",   Op::mov_from_segment, {w(Rv_Mw), Sw},       shows),
    row(at(0x8e),          "mov",   Op::mov_to_segment,   {w(Sw), Ew},          faults, both, system_change),
    row(at(0xc4),          "les",   Op::load_far_pointer, {w(Gv), Mp, w(ES)},   faults, both, system_change),
    row(at(0xc5),          "lds",   Op::load_far_pointer, {w(Gv), Mp, w(DS)},   faults, both, system_change),
    row(x0f(0xb2),         "lss",   Op::load_far_pointer, {w(Gv), Mp, w(SS)},   faults, both, system_change),
    row(x0f(0xb4),         "lfs",   Op::load_far_pointer, {w(Gv), Mp, w(FS)},   faults, both, system_change),
    row(x0f(0xb5),         "lgs",   Op::load_far_pointer, {w(Gv), Mp, w(GS)},   faults, both, system_change),
});

// ---- strings: DF is the direction

inline constexpr Flags direction{df, 0, 0}, string_compare{df, status, 0};
inline constexpr Privilege io_port = Privilege::io;

inline constexpr auto string_rows = std::to_array<InsnDef>({
    row(at(0xa4),          "movs",  Op::movs, {w(Yb), Xb},  direction, repeats),
    row(at(0xa5),          "movs",  Op::movs, {w(Yv), Xv},  direction, repeats),
    row(at(0xa6),          "cmps",  Op::cmps, {Xb, Yb},     string_compare, repeats),
    row(at(0xa7),          "cmps",  Op::cmps, {Xv, Yv},     string_compare, repeats),
    row(at(0xaa),          "stos",  Op::stos, {w(Yb), AL},  direction, repeats),
    row(at(0xab),          "stos",  Op::stos, {w(Yv), eAX}, direction, repeats),
    row(at(0xac),          "lods",  Op::lods, {w(AL), Xb},  direction, repeats),
    row(at(0xad),          "lods",  Op::lods, {w(eAX), Xv}, direction, repeats),
    row(at(0xae),          "scas",  Op::scas, {AL, Yb},     string_compare, repeats),
    row(at(0xaf),          "scas",  Op::scas, {eAX, Yv},    string_compare, repeats),
    row(at(0x6c),          "ins",   Op::ins,  {w(Yb), DX},  direction, repeats, io_port, both),
    row(at(0x6d),          "ins",   Op::ins,  {w(Yv), DX},  direction, repeats, io_port, both),
    row(at(0x6e),          "outs",  Op::outs, {DX, Xb},     direction, repeats, io_port, changes),
    row(at(0x6f),          "outs",  Op::outs, {DX, Xv},     direction, repeats, io_port, changes),
});

// clang-format on

} // namespace ring3::insn::rows
