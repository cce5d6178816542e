// The opcode maps as the decoder walks them: opcode -> slot -> cell -> row.
//
// A slot holds an opcode's cells: one for each combination of what distinguishes its rows (mandatory prefix, ModRM.mod,
// reg, rm, VEX.L, VEX.W), and only of those. ADD's slot has one cell, that of 0F AE has 4 * 2 * 8. All is built at compile
// time; two rows that claim one cell do not compile.
#pragma once

#include "insn/plan.h"

namespace ring3::insn {

/// What distinguishes the rows of an opcode, as bits.
enum Selector : u8 { by_prefix = 1, by_mod = 2, by_reg = 4, by_rm = 8, by_l = 16, by_w = 32 };

struct Slot {
    u16 first{};    // its first cell
    u8 selectors{}; // of enum Selector
    bool has_modrm{};
    bool used{};
};

/// The maps: legacy one-byte, 0F, 0F38, 0F3A, then the same for VEX (which has no one-byte map).
inline constexpr unsigned map_count = 8;
constexpr unsigned map_index(Encoding encoding, Map map) {
    return static_cast<unsigned>(encoding) * 4 + static_cast<unsigned>(map);
}

/// What was found in the bytes that may select a row.
struct Selection {
    unsigned prefix{}; // 0 none, 1 66, 2 F3, 3 F2, as VEX.pp
    u8 modrm{};
    bool l{}, w{};
};

/// The number of the selected cell within its slot.
constexpr unsigned cell_of(unsigned selectors, Selection const& s) {
    unsigned cell = 0;
    if (selectors & by_prefix) cell = s.prefix;
    if (selectors & by_mod) cell = cell * 2 + (s.modrm >= 0xc0 ? 1 : 0);
    if (selectors & by_reg) cell = cell * 8 + ((s.modrm >> 3) & 7);
    if (selectors & by_rm) cell = cell * 8 + (s.modrm & 7);
    if (selectors & by_l) cell = cell * 2 + (s.l ? 1 : 0);
    if (selectors & by_w) cell = cell * 2 + (s.w ? 1 : 0);
    return cell;
}

inline constexpr u16 no_row = 0xffff;

/// The whole table, constant.
struct Lookup {
    std::array<Slot, 256> const* slots; // [map_index][opcode]
    u16 const* cells;                   // row numbers, or no_row
    InsnDef const* rows;
    Plan const* plans;
};
extern Lookup const lookup;

} // namespace ring3::insn
