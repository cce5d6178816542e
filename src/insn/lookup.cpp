#include "insn/lookup.h"

#include "insn/decoder.h"
#include "insn/table_avx.h"
#include "insn/table_control.h"
#include "insn/table_integer.h"
#include "insn/table_simd_float.h"
#include "insn/table_simd_integer.h"
#include "insn/table_system.h"
#include "insn/table_transfer.h"
#include "insn/table_x87.h"

namespace ring3::insn {

void two_rows_claim_one_encoding(); // never defined: reaching it in a constant expression is the error message

namespace {

using namespace rows;

constexpr auto table =
    join(arithmetic_rows, shift_rows, more_arithmetic_rows, bmi_rows, move_rows, exchange_rows, conditional_move_rows,
         stack_rows, segment_rows, string_rows, branch_rows, far_branch_rows, flag_control_rows, hint_rows,
         miscellaneous_rows, descriptor_table_rows, control_register_rows, cache_and_tlb_rows, processor_rows,
         port_rows, state_rows, x87_arithmetic_rows, x87_transfer_rows, x87_function_rows, x87_control_rows,
         mmx_sse2_rows, sse_integer_rows, vector_shift_rows, byte_shift_rows, widening_rows, vector_gpr_rows,
         vector_move_rows, string_compare_rows, float_arithmetic_rows, float_compare_rows, float_move_rows,
         float_conversion_rows, mxcsr_rows, avx_rows, masked_move_rows, gather_rows, fma_rows, crypto_rows);
static_assert(table.size() < no_row);

constexpr auto plans = [] {
    std::array<Plan, table.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = plan_of(table[i]);
    return all;
}();

// ---- from rows to cells

constexpr u8 selectors_of(InsnDef const& row) {
    unsigned selectors = 0;
    if (row.prefix != Prefix::any) selectors |= by_prefix;
    if (row.mod != ModKind::any) selectors |= by_mod;
    if (row.group >= 0) selectors |= by_reg;
    if (row.rm >= 0) selectors |= by_rm;
    if (row.vex_l != Bit::any) selectors |= by_l;
    if (row.vex_w != Bit::any) selectors |= by_w;
    return static_cast<u8>(selectors);
}

/// The inverse of cell_of, as far as the selectors reach.
constexpr Selection selection_of(unsigned selectors, unsigned cell) {
    Selection s{};
    auto const take = [&](Selector selector, unsigned values) {
        if (!(selectors & selector)) return 0u;
        unsigned const value = cell % values;
        cell /= values;
        return value;
    };
    s.w = take(by_w, 2) != 0;
    s.l = take(by_l, 2) != 0;
    unsigned const rm_field = take(by_rm, 8), reg_field = take(by_reg, 8), mod_field = take(by_mod, 2) * 3;
    s.modrm = static_cast<u8>(mod_field << 6 | reg_field << 3 | rm_field);
    s.prefix = take(by_prefix, 4);
    return s;
}

constexpr unsigned cell_count(unsigned selectors) {
    Selection const last{3, 0xff, true, true};
    return cell_of(selectors, last) + 1;
}

constexpr bool accepts(Bit condition, bool bit) {
    return condition == Bit::any || (condition == Bit::one) == bit;
}

constexpr bool accepts(InsnDef const& row, Selection const& s) {
    bool const is_register = s.modrm >= 0xc0;
    return (row.prefix == Prefix::any || static_cast<unsigned>(row.prefix) == s.prefix + 1) &&
           (row.mod == ModKind::any || (row.mod == ModKind::reg) == is_register) &&
           (row.group < 0 || row.group == ((s.modrm >> 3) & 7)) && (row.rm < 0 || row.rm == (s.modrm & 7)) &&
           accepts(row.vex_l, s.l) && accepts(row.vex_w, s.w);
}

using Slots = std::array<std::array<Slot, 256>, map_count>;

constexpr Slot& slot_of(Slots& slots, InsnDef const& row) {
    return slots[map_index(row.encoding, row.map)][row.opcode];
}

/// Slots without their places.
constexpr Slots sized_slots() {
    Slots slots{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        Slot& slot = slot_of(slots, table[i]);
        slot.used = true;
        slot.selectors |= selectors_of(table[i]);
        slot.has_modrm |= plans[i].has_modrm;
    }
    return slots;
}

constexpr unsigned total_cells = [] {
    unsigned total = 1; // cell 0: what all unused slots share
    for (auto const& map : sized_slots())
        for (Slot const& slot : map) total += slot.used ? cell_count(slot.selectors) : 0;
    return total;
}();
static_assert(total_cells < 0x10000);

constexpr Slots slots = [] {
    Slots all = sized_slots();
    unsigned next = 1;
    for (auto& map : all)
        for (Slot& slot : map) {
            slot.first = static_cast<u16>(slot.used ? next : 0);
            next += slot.used ? cell_count(slot.selectors) : 0;
        }
    return all;
}();

/// A row that names its prefix lies over one that takes any (TZCNT over BSF); other overlaps are errors.
constexpr u16 winner(u16 old, u16 row) {
    if (old == no_row) return row;
    bool const old_names = table[old].prefix != Prefix::any, row_names = table[row].prefix != Prefix::any;
    if (old_names == row_names) two_rows_claim_one_encoding();
    return row_names ? row : old;
}

constexpr auto cells = [] {
    std::array<u16, total_cells> all{};
    for (u16& cell : all) cell = no_row;
    Slots places = slots;
    for (std::size_t i = 0; i < table.size(); ++i) {
        Slot const& slot = slot_of(places, table[i]);
        for (unsigned c = 0; c < cell_count(slot.selectors); ++c)
            if (accepts(table[i], selection_of(slot.selectors, c)))
                all[slot.first + c] = winner(all[slot.first + c], static_cast<u16>(i));
    }
    return all;
}();

} // namespace

constinit Lookup const lookup{slots.data(), cells.data(), table.data(), plans.data()};

std::span<InsnDef const> all_rows() {
    return table;
}

} // namespace ring3::insn
