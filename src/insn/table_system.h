// System instructions (SDM 3A 2.8, table 2-3).
//
// SGDT, SIDT, SLDT, STR, SMSW, LAR, LSL, VERR, VERW, PUSHF, POPF, CPUID and the segment and far transfer instructions
// of the other tables are sensitive and not privileged: the critical instructions of this architecture (C1, C5).
#pragma once

#include "insn/table_transfer.h"

namespace ring3::insn::rows {

// clang-format off

inline constexpr Privilege cpl0 = Privilege::cpl0;

inline constexpr auto descriptor_table_rows = std::to_array<InsnDef>({
    row(x0f(0x00) / 0,     "sldt",   Op::sldt,   {w(Rv_Mw)},    shows),
    row(x0f(0x00) / 1,     "str",    Op::str,    {w(Rv_Mw)},    shows),
    row(x0f(0x00) / 2,     "lldt",   Op::lldt,   {Ew},          changes, cpl0),
    row(x0f(0x00) / 3,     "ltr",    Op::ltr,    {Ew},          changes, cpl0),
    row(x0f(0x00) / 4,     "verr",   Op::verr,   {Ew},          shows, zero_flag),
    row(x0f(0x00) / 5,     "verw",   Op::verw,   {Ew},          shows, zero_flag),
    row(x0f(0x01) / 0,     "sgdt",   Op::sgdt,   {w(Ms)},       shows),
    row(x0f(0x01) / 1,     "sidt",   Op::sidt,   {w(Ms)},       shows),
    row(x0f(0x01) / 2,     "lgdt",   Op::lgdt,   {Ms},          changes, cpl0),
    row(x0f(0x01) / 3,     "lidt",   Op::lidt,   {Ms},          changes, cpl0),
    row(x0f(0x02),         "lar",    Op::lar,    {rw(Gv), Ew},  shows, zero_flag),
    row(x0f(0x03),         "lsl",    Op::lsl,    {rw(Gv), Ew},  shows, zero_flag),
    row(at(0x63),          "arpl",   Op::arpl,   {rw(Ew), Gw},  zero_flag),
});

// Control and debug registers: MOV CR and MOV DR leave the status flags undefined (SDM 2B MOV).
inline constexpr auto control_register_rows = std::to_array<InsnDef>({
    row(x0f(0x20),         "mov",    Op::mov_from_cr, {w(Rd), Cd},  shows,   cpl0, no_flags_defined),
    row(x0f(0x21),         "mov",    Op::mov_from_dr, {w(Rd), Dd},  shows,   cpl0, no_flags_defined),
    row(x0f(0x22),         "mov",    Op::mov_to_cr,   {w(Cd), Rd},  changes, cpl0, no_flags_defined, system_change),
    row(x0f(0x23),         "mov",    Op::mov_to_dr,   {w(Dd), Rd},  changes, cpl0, no_flags_defined, system_change),
    row(x0f(0x01) / 4,     "smsw",   Op::smsw,        {w(Rv_Mw)},   shows),
    row(x0f(0x01) / 6,     "lmsw",   Op::lmsw,        {Ew},         changes, cpl0, system_change),
    row(x0f(0x06),         "clts",   Op::clts,        {},           changes, cpl0, system_change),
    row(x0f(np, 0x01) / 2, "xgetbv", Op::xgetbv,      {},           shows, faults, xsave, rm(0)),
    row(x0f(np, 0x01) / 2, "xsetbv", Op::xsetbv,      {},           changes, cpl0, xsave, rm(1), system_change),
    row(x0f(np, 0x01) / 1, "clac",   Op::clac,        {},           changes, cpl0, smap, rm(2), system_change),
    row(x0f(np, 0x01) / 1, "stac",   Op::stac,        {},           changes, cpl0, smap, rm(3), system_change),
});

inline constexpr auto cache_and_tlb_rows = std::to_array<InsnDef>({
    row(x0f(0x08),         "invd",    Op::invd,    {},              changes, cpl0),
    row(x0f(0x09),         "wbinvd",  Op::wbinvd,  {},              changes, cpl0),
    row(x0f(0x01) / 7,     "invlpg",  Op::invlpg,  {untouched(M)},  changes, cpl0, system_change),
    row(x38(p66, 0x82),    "invpcid", Op::invpcid, {Gd, Mdq},       changes, cpl0, invpcid, system_change),
});

inline constexpr auto processor_rows = std::to_array<InsnDef>({
    row(at(0xf4),          "hlt",     Op::hlt,     {},              changes, cpl0, system_change),
    row(x0f(np, 0x01) / 1, "monitor", Op::monitor, {},              changes, cpl0, monitor, rm(0)),
    row(x0f(np, 0x01) / 1, "mwait",   Op::mwait,   {},              changes, cpl0, monitor, rm(1), system_change),
    row(x0f(0xaa),         "rsm",     Op::rsm,     {},              changes, faults, Flags{0, status | df, 0},
        system_change),
    row(x0f(0xa2),         "cpuid",   Op::cpuid,   {},              shows),
    row(x0f(0x30),         "wrmsr",   Op::wrmsr,   {},              changes, cpl0, msr, system_change),
    row(x0f(0x32),         "rdmsr",   Op::rdmsr,   {},              shows, cpl0, msr),
    row(x0f(0x31),         "rdtsc",   Op::rdtsc,   {},              shows, Privilege::cr4, tsc),
    row(x0f(0x01) / 7,     "rdtscp",  Op::rdtscp,  {},              shows, Privilege::cr4, rdtscp, rm(1)),
    row(x0f(0x33),         "rdpmc",   Op::rdpmc,   {},              shows, Privilege::cr4),
    row(x0f(pf3, 0xc7) / 7, "rdpid",  Op::rdpid,   {w(Rd)},         shows, rdpid, reg_only),
});

inline constexpr auto port_rows = std::to_array<InsnDef>({
    row(at(0xe4),          "in",      Op::in,      {w(AL), Ib},     both, io_port),
    row(at(0xe5),          "in",      Op::in,      {w(eAX), Ib},    both, io_port),
    row(at(0xec),          "in",      Op::in,      {w(AL), DX},     both, io_port),
    row(at(0xed),          "in",      Op::in,      {w(eAX), DX},    both, io_port),
    row(at(0xe6),          "out",     Op::out,     {Ib, AL},        changes, io_port),
    row(at(0xe7),          "out",     Op::out,     {Ib, eAX},       changes, io_port),
    row(at(0xee),          "out",     Op::out,     {DX, AL},        changes, io_port),
    row(at(0xef),          "out",     Op::out,     {DX, eAX},       changes, io_port),
});

// Save areas. What XSAVE stores depends on XCR0; FXSAVE's image only on the instruction.
inline constexpr VectorType state = VectorType::none;

inline constexpr auto state_rows = std::to_array<InsnDef>({
    row(x0f(np, 0xae) / 0, "fxsave",   Op::fxsave,   {w(Mfpu)},   fxsr,  state, faults),
    row(x0f(np, 0xae) / 1, "fxrstor",  Op::fxrstor,  {Mfpu},      fxsr,  state, faults),
    row(x0f(np, 0xae) / 4, "xsave",    Op::xsave,    {rw(Mfpu)},  xsave, state, faults, shows),
    row(x0f(np, 0xae) / 5, "xrstor",   Op::xrstor,   {Mfpu},      xsave, state, faults, shows),
    row(x0f(np, 0xae) / 6, "xsaveopt", Op::xsaveopt, {rw(Mfpu)},  xsaveopt, state, faults, shows),
});

// clang-format on

} // namespace ring3::insn::rows
