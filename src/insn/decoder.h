// The decoder: guest bytes to Insn (SDM 2A 2.1-2.3).
#pragma once

#include "insn/insn.h"

#include <span>

namespace ring3::insn {

enum class DecodeStatus : u8 {
    ok,
    truncated,   // the bytes end before the instruction does: the caller fetches the next page, or faults
    too_long,    // more than 15 bytes: #GP(0)
    invalid,     // no row: #UD
    illegal_lock // LOCK where it is not allowed: #UD
};

/// Decodes the instruction at the start of `bytes` (15 bytes always suffice).
/// `default_size` is 2 or 4: CS.D; real and virtual-8086 mode use 2. VEX encodings exist in protected mode only, so
/// `allow_vex` is false there: C4/C5 are then LES/LDS or #UD by ModRM.mod.
/// CPUID features are not checked here: InsnDef::feature is the caller's to hold against the CPU model.
DecodeStatus decode(std::span<u8 const> bytes, unsigned default_size, bool allow_vex, Insn& insn);

/// Intel-syntax text of a decoded instruction, for dumps and traces; `address` is that of the instruction.
std::string_view name(Insn const& insn);

/// All rows, in map and opcode order.
std::span<InsnDef const> all_rows();

} // namespace ring3::insn
