// How the tables spell a row. Read one against its page in SDM 2:
//
//     row(at(0x80) / 4, "and", Op::and_, {rw(Eb), Ib}, logic, locks)         80 /4 ib   AND r/m8, imm8
//     row(x0f(pf3, 0xb8), "popcnt", Op::popcnt, {w(Gv), Ev}, all_flags, popcnt)   F3 0F B8 /r
//
// First the place (map, mandatory prefix, opcode, `/` ModRM.reg), the name, the operation, the operands in the order of
// the manual's Intel syntax (a bare operand is read), then any number of facts: flags, feature, class, privilege ...
#pragma once

#include "insn/insn.h"

#include <initializer_list>

namespace ring3::insn::rows {

using enum Code;
using enum Feature;

// ---- places ----------------------------------------------------------------------------------------------------

inline constexpr Prefix np = Prefix::none, p66 = Prefix::p66, pf3 = Prefix::pf3, pf2 = Prefix::pf2;

struct Place {
    Map map;
    Prefix prefix;
    int opcode;
    Encoding encoding{Encoding::legacy};
    int digit{-1};
    constexpr Place operator/(int reg) const { return {map, prefix, opcode, encoding, reg}; }
};

constexpr Place at(int opcode) {
    return {Map::one_byte, Prefix::any, opcode};
}
constexpr Place at(Prefix prefix, int opcode) {
    return {Map::one_byte, prefix, opcode};
}
/// 0F: without a prefix named, all of them are ignored (or mean operand size, or repeat).
constexpr Place x0f(int opcode) {
    return {Map::two_byte, Prefix::any, opcode};
}
constexpr Place x0f(Prefix prefix, int opcode) {
    return {Map::two_byte, prefix, opcode};
}
constexpr Place x38(Prefix prefix, int opcode) {
    return {Map::map_0f38, prefix, opcode};
}
constexpr Place x3a(Prefix prefix, int opcode) {
    return {Map::map_0f3a, prefix, opcode};
}
constexpr Place v0f(Prefix prefix, int opcode) {
    return {Map::two_byte, prefix, opcode, Encoding::vex};
}
constexpr Place v38(Prefix prefix, int opcode) {
    return {Map::map_0f38, prefix, opcode, Encoding::vex};
}
constexpr Place v3a(Prefix prefix, int opcode) {
    return {Map::map_0f3a, prefix, opcode, Encoding::vex};
}
/// The VEX encoding of a legacy place.
constexpr Place vex(Place place) {
    return {place.map, place.prefix, place.opcode, Encoding::vex, place.digit};
}

// ---- operands --------------------------------------------------------------------------------------------------

struct Operand : OperandDef {
    constexpr Operand(Code c) : OperandDef{c, Access::read} {}
    constexpr Operand(Code c, Access a) : OperandDef{c, a} {}
};
constexpr Operand w(Code code) {
    return {code, Access::write};
}
constexpr Operand rw(Code code) {
    return {code, Access::read_write};
}
/// Only the address counts (LEA), or nothing is accessed at all (NOP Ev).
constexpr Operand untouched(Code code) {
    return {code, Access::none};
}

struct Operands {
    std::array<OperandDef, 4> list{};
    constexpr Operands(std::initializer_list<Operand> operands) {
        std::size_t i = 0;
        for (auto const& operand : operands) list[i++] = operand;
    }
};

// ---- facts -----------------------------------------------------------------------------------------------------

enum class Fact : u8 {
    locks,    // LOCK is legal with a memory destination
    repeats,  // REP, REPE, REPNE repeat it
    faults,   // may fault beyond its memory operands
    mem_only, // ModRM.mod != 3
    reg_only, // ModRM.mod = 3
    l0,       // VEX.L = 0
    l1,
    w0, // VEX.W = 0
    w1,
};
using enum Fact;

/// ModRM.rm that selects the row.
struct Rm {
    int value;
};
constexpr Rm rm(int value) {
    return {value};
}

struct Flags {
    FlagMask reads{}, writes{}, undefined{};
};

/// The common patterns of SDM 1 appendix A, table A-2.
inline constexpr FlagMask cf = flag::cf, pf = flag::pf, af = flag::af, zf = flag::zf, sf = flag::sf, of = flag::of,
                          df = flag::df, status = flag::status;
inline constexpr Flags all_flags{0, status, 0};
inline constexpr Flags with_carry{cf, status, 0};      // ADC, SBB
inline constexpr Flags logic{0, status & ~af, af};     // AND, OR, XOR, TEST
inline constexpr Flags but_carry{0, status & ~cf, 0};  // INC, DEC
inline constexpr Flags zero_flag{0, zf, 0};            // LAR, VERR, CMPXCHG8B ...
inline constexpr Flags no_flags_defined{0, 0, status}; // DIV

namespace fact {
constexpr void apply(InsnDef& d, Flags f) {
    d.reads = f.reads;
    d.writes = f.writes;
    d.undefined = f.undefined;
}
constexpr void apply(InsnDef& d, Feature feature) {
    d.feature = feature;
}
constexpr void apply(InsnDef& d, Sensitive sensitive) {
    d.sensitive = sensitive;
}
constexpr void apply(InsnDef& d, Privilege privilege) {
    d.privilege = privilege;
    d.may_fault = true;
}
constexpr void apply(InsnDef& d, Ends ends) {
    d.ends = ends;
}
constexpr void apply(InsnDef& d, VectorType vector) {
    d.vector = vector;
    d.may_fault = true;
}
constexpr void apply(InsnDef& d, Rm value) {
    d.rm = static_cast<i8>(value.value);
    d.mod = ModKind::reg;
}
constexpr void apply(InsnDef& d, Fact fact) {
    switch (fact) {
    case locks: d.lockable = true; break;
    case repeats: d.repeatable = true; break;
    case faults: d.may_fault = true; break;
    case mem_only: d.mod = ModKind::memory; break;
    case reg_only: d.mod = ModKind::reg; break;
    case l0: d.vex_l = Bit::zero; break;
    case l1: d.vex_l = Bit::one; break;
    case w0: d.vex_w = Bit::zero; break;
    case w1: d.vex_w = Bit::one; break;
    }
}
} // namespace fact

/// What an operand's letter says about ModRM.mod: M is memory, R, N and U are registers.
constexpr ModKind mod_of(Code code) {
    switch (code) {
    case M:
    case Mb:
    case Mw:
    case Md:
    case Mq:
    case Mdq:
    case Mqq:
    case Mx:
    case Mt:
    case Mp:
    case Ma:
    case Ms:
    case Mfpu:
    case VMd:
    case VMq: return ModKind::memory;
    case Rw:
    case Rv:
    case Nq:
    case Udq:
    case Ux:
    case Uqq: return ModKind::reg;
    default: return ModKind::any; // Rd too: MOV CR and MOV DR ignore mod
    }
}

// ---- rows ------------------------------------------------------------------------------------------------------

template <class... Facts>
constexpr InsnDef row(Place place, std::string_view name, Op op, Operands operands, Facts... facts) {
    InsnDef d{};
    d.map = place.map;
    d.opcode = static_cast<u8>(place.opcode);
    d.prefix = place.prefix;
    d.encoding = place.encoding;
    d.group = static_cast<i8>(place.digit);
    d.name = name;
    d.op = op;
    d.operands = operands.list;
    for (auto const& operand : operands.list)
        if (mod_of(operand.code) != ModKind::any) d.mod = mod_of(operand.code);
    (fact::apply(d, facts), ...);
    return d;
}

/// A vector instruction, run on the host processor.
template <class... Facts>
constexpr InsnDef vec(Place place, std::string_view name, Feature feature, VectorType type, Operands operands,
                      Facts... facts) {
    return row(place, name, Op::vector, operands, feature, type, facts...);
}

/// The same row for `count` opcodes on end: a register number or a condition lies in the low bits.
template <std::size_t count> constexpr std::array<InsnDef, count> series(InsnDef first) {
    std::array<InsnDef, count> all{};
    for (std::size_t i = 0; i < count; ++i) {
        all[i] = first;
        all[i].opcode = static_cast<u8>(first.opcode + i);
    }
    return all;
}

template <std::size_t count>
constexpr std::array<InsnDef, count> named(std::array<InsnDef, count> all, std::array<char const*, count> names) {
    for (std::size_t i = 0; i < count; ++i) all[i].name = names[i];
    return all;
}

template <std::size_t... sizes> constexpr auto join(std::array<InsnDef, sizes> const&... parts) {
    std::array<InsnDef, (sizes + ...)> all{};
    std::size_t i = 0;
    auto const append = [&](auto const& part) {
        for (auto const& r : part) all[i++] = r;
    };
    (append(parts), ...);
    return all;
}

template <std::size_t inner, std::size_t outer>
constexpr auto flatten(std::array<std::array<InsnDef, inner>, outer> const& parts) {
    std::array<InsnDef, inner * outer> all{};
    std::size_t i = 0;
    for (auto const& part : parts)
        for (auto const& r : part) all[i++] = r;
    return all;
}

} // namespace ring3::insn::rows
