// Control transfer, flag control, miscellaneous (SDM 1 7.3.8, 7.3.13, 7.3.14).
#pragma once

#include "insn/table_transfer.h"

namespace ring3::insn::rows {

// clang-format off

inline constexpr Ends branch = Ends::branch, indirect = Ends::indirect;

// Near branches may fault: #GP(0) for a target beyond CS's limit, and the stack's faults for CALL and RET.
inline constexpr auto branch_rows = join(
    conditional(row(at(0x70), "j", Op::jcc, {Jb}, branch, faults),
        {"jo", "jno", "jb", "jnb", "jz", "jnz", "jbe", "jnbe", "js", "jns", "jp", "jnp", "jl", "jnl", "jle", "jnle"}),
    conditional(row(x0f(0x80), "j", Op::jcc, {Jz}, branch, faults),
        {"jo", "jno", "jb", "jnb", "jz", "jnz", "jbe", "jnbe", "js", "jns", "jp", "jnp", "jl", "jnl", "jle", "jnle"}),
    std::to_array<InsnDef>({
    row(at(0xe0),          "loopne", Op::loopne,        {Jb},  branch, faults, Flags{zf, 0, 0}),
    row(at(0xe1),          "loope",  Op::loope,         {Jb},  branch, faults, Flags{zf, 0, 0}),
    row(at(0xe2),          "loop",   Op::loop,          {Jb},  branch, faults),
    row(at(0xe3),          "jcxz",   Op::jcxz,          {Jb},  branch, faults),
    row(at(0xeb),          "jmp",    Op::jmp,           {Jb},  branch, faults),
    row(at(0xe9),          "jmp",    Op::jmp,           {Jz},  branch, faults),
    row(at(0xff) / 4,      "jmp",    Op::jmp_indirect,  {Ev},  indirect, faults),
    row(at(0xe8),          "call",   Op::call,          {Jz},  branch, faults),
    row(at(0xff) / 2,      "call",   Op::call_indirect, {Ev},  indirect, faults),
    row(at(0xc2),          "ret",    Op::ret,           {Iw},  indirect, faults),
    row(at(0xc3),          "ret",    Op::ret,           {},    indirect, faults),
    }));

// Far transfers show and change the privilege level and the segments, and may switch tasks (SDM 3A 5.8, 7.3).
inline constexpr Flags interrupt_return{0, status | df, 0};

inline constexpr auto far_branch_rows = std::to_array<InsnDef>({
    row(at(0xea),          "jmp",    Op::jmp_far,           {Ap},  indirect, faults, both),
    row(at(0xff) / 5,      "jmp",    Op::jmp_far_indirect,  {Mp},  indirect, faults, both),
    row(at(0x9a),          "call",   Op::call_far,          {Ap},  indirect, faults, both),
    row(at(0xff) / 3,      "call",   Op::call_far_indirect, {Mp},  indirect, faults, both),
    row(at(0xca),          "retf",   Op::ret_far,           {Iw},  indirect, faults, both),
    row(at(0xcb),          "retf",   Op::ret_far,           {},    indirect, faults, both),
    row(at(0xcf),          "iret",   Op::iret,              {},    system_change, faults, both, interrupt_return),
    row(at(0xcc),          "int3",   Op::int3,              {},    system_change, faults, both),
    row(at(0xcd),          "int",    Op::int_n,             {Ib},  system_change, faults, both),
    row(at(0xce),          "into",   Op::into,              {},    system_change, faults, both, Flags{of, 0, 0}),
    row(at(0xf1),          "int1",   Op::int1,              {},    system_change, faults, both),
    row(x0f(0x34),         "sysenter", Op::sysenter,        {},    system_change, faults, both, sep),
    row(x0f(0x35),         "sysexit",  Op::sysexit,         {},    system_change, both, Privilege::cpl0, sep),
    row(at(0x62),          "bound",  Op::bound,             {Gv, Ma}, faults),
});

inline constexpr auto flag_control_rows = std::to_array<InsnDef>({
    row(at(0xf5),          "cmc",    Op::cmc,    {},  Flags{cf, cf, 0}),
    row(at(0xf8),          "clc",    Op::clc,    {},  Flags{0, cf, 0}),
    row(at(0xf9),          "stc",    Op::stc,    {},  Flags{0, cf, 0}),
    row(at(0xfc),          "cld",    Op::cld,    {},  Flags{0, df, 0}),
    row(at(0xfd),          "std",    Op::std,    {},  Flags{0, df, 0}),
    row(at(0x9e),          "sahf",   Op::sahf,   {},  Flags{0, sf | zf | af | pf | cf, 0}),
    row(at(0x9f),          "lahf",   Op::lahf,   {},  Flags{sf | zf | af | pf | cf, 0, 0}),
    row(at(0xd6),          "salc",   Op::salc,   {},  Flags{cf, 0, 0}), // in no manual, on every processor
    row(at(0xfa),          "cli",    Op::cli,    {},  changes, Privilege::iopl),
    row(at(0xfb),          "sti",    Op::sti,    {},  changes, Privilege::iopl, system_change),
});

// Opcodes 0F 19 to 0F 1F and parts of 0F 18 and 0F 0D are NOPs with an operand that is not accessed. Newer
// instructions whose feature is absent lie among them (ENDBR32, RDSSP, BNDMOV, CLDEMOTE): then they are NOPs.
constexpr InsnDef hint(Place place) {
    return row(place, "nop", Op::nop, {untouched(Ev)});
}

constexpr std::array<InsnDef, 8> by_digit(InsnDef first) {
    std::array<InsnDef, 8> all{};
    for (i8 digit = 0; digit < 8; ++digit) {
        all[static_cast<u8>(digit)] = first;
        all[static_cast<u8>(digit)].group = digit;
    }
    return all;
}

inline constexpr auto hint_rows = join(
    series<7>(hint(x0f(0x19))),
    named(by_digit(row(x0f(0x0d), "", Op::prefetch, {untouched(Mb)}, prefetchw)),
        {"prefetch", "prefetchw", "prefetchwt1", "prefetch", "prefetch", "prefetch", "prefetch", "prefetch"}),
    std::to_array<InsnDef>({
    row(x0f(0x0d),         "nop",         Op::nop,      {untouched(Ev)}, reg_only),
    row(x0f(0x18) / 0,     "prefetchnta", Op::prefetch, {untouched(Mb)}, sse),
    row(x0f(0x18) / 1,     "prefetcht0",  Op::prefetch, {untouched(Mb)}, sse),
    row(x0f(0x18) / 2,     "prefetcht1",  Op::prefetch, {untouched(Mb)}, sse),
    row(x0f(0x18) / 3,     "prefetcht2",  Op::prefetch, {untouched(Mb)}, sse),
    row(x0f(0x18) / 0,     "nop",         Op::nop,      {untouched(Ev)}, reg_only),
    row(x0f(0x18) / 1,     "nop",         Op::nop,      {untouched(Ev)}, reg_only),
    row(x0f(0x18) / 2,     "nop",         Op::nop,      {untouched(Ev)}, reg_only),
    row(x0f(0x18) / 3,     "nop",         Op::nop,      {untouched(Ev)}, reg_only),
    hint(x0f(0x18) / 4),
    hint(x0f(0x18) / 5),
    hint(x0f(0x18) / 6),
    hint(x0f(0x18) / 7),
    }));

inline constexpr auto miscellaneous_rows = std::to_array<InsnDef>({
    row(at(0x90),          "nop",         Op::nop,      {}),
    row(at(pf3, 0x90),     "pause",       Op::pause,    {}),
    row(x0f(0x0b),         "ud2",         Op::ud,       {},        faults, system_change),
    row(x0f(0xb9),         "ud1",         Op::ud,       {untouched(Gv), untouched(Ev)}, faults, system_change),
    row(x0f(0xff),         "ud0",         Op::ud,       {untouched(Gv), untouched(Ev)}, faults, system_change),
    row(x0f(np, 0xae) / 5, "lfence",      Op::fence,    {},        sse2, reg_only),
    row(x0f(np, 0xae) / 6, "mfence",      Op::fence,    {},        sse2, reg_only),
    row(x0f(np, 0xae) / 7, "sfence",      Op::fence,    {},        sse,  reg_only),
    row(x0f(np, 0xae) / 7, "clflush",     Op::clflush,  {Mb},      clflush),
    row(x0f(p66, 0xae) / 7, "clflushopt", Op::clflush,  {Mb},      clflushopt),
    row(x0f(p66, 0xae) / 6, "clwb",       Op::clflush,  {Mb},      clwb),
    row(x0f(np,  0xc7) / 6, "rdrand",     Op::rdrand,   {w(Rv)},   all_flags, rdrand),
    row(x0f(p66, 0xc7) / 6, "rdrand",     Op::rdrand,   {w(Rv)},   all_flags, rdrand),
    row(x0f(np,  0xc7) / 7, "rdseed",     Op::rdseed,   {w(Rv)},   all_flags, rdseed),
    row(x0f(p66, 0xc7) / 7, "rdseed",     Op::rdseed,   {w(Rv)},   all_flags, rdseed),
});

// clang-format on

} // namespace ring3::insn::rows
