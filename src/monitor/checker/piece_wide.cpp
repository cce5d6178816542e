// 64-bit registers appear in few forms only:
//
//     mov r64, r64               to keep a register's value and to bring it back
//     mov [saved rax], r64       the same, in memory
//     mov r64, [saved rax]
//     lea rsi, [r14 + rsi]       into the window, for a string instruction
//     lea r9, [r9 + miss]        behind  mov r9d, [r13 + r8*4] : a target from the jump table
//     cmp r10, [r15 + r9 + tag]  the software TLB: after   r9 = index of EA, r10 = page of EA + size - 1
//     jne miss
//     add r8, [r15 + r9 + bias]  ...with r8 = EA this makes an address for `size` bytes
//     lea r10, [r8 + n]          an offset against a segment's size: numbers of 33 bits, of which only the upper half is
//     not r10                    looked at in the end: scratch registers alone, and what they hold is no address
//     rorx r10, r10, 32
//     mov r8, [counter] ; lea r8, [r8 + n] ; mov [counter], r8
#include "monitor/checker/piece_check.h"

#include <algorithm>

namespace ring3 {

bool PieceCheck::names_wide_register() const {
    for (unsigned i = 0; i < d_.insn.operand_count; ++i)
        if (d_.operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER && is_wide(d_.operands[i].reg.value)) return true;
    return false;
}

PieceCheck::Verdict PieceCheck::wide() {
    Operand const& to = d_.operands[0];
    bool const from_memory = to.type == ZYDIS_OPERAND_TYPE_REGISTER && d_.operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY;
    if (counts()) return nullptr;
    switch (d_.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV: return wide_move();
    case ZYDIS_MNEMONIC_LEA: return wide_lea();
    case ZYDIS_MNEMONIC_CMP: return from_memory ? compare_tag() : "a comparison of 64 bits";
    case ZYDIS_MNEMONIC_ADD: return from_memory ? add_bias() : "a sum of 64 bits";
    case ZYDIS_MNEMONIC_NOT:
    case ZYDIS_MNEMONIC_RORX: return wide_number();
    default: return "an operation of 64 bits";
    }
}

bool PieceCheck::is_state_slot(Operand const& op, i32 place) const {
    return op.type == ZYDIS_OPERAND_TYPE_MEMORY && op.mem.type == ZYDIS_MEMOP_TYPE_MEM &&
           op.mem.segment != ZYDIS_REGISTER_GS && d_.insn.address_width == 64 && op.mem.base == ZYDIS_REGISTER_R15 &&
           op.mem.index == ZYDIS_REGISTER_NONE && op.mem.disp.value == place;
}

/// The steps of adding to a counter: what comes from one can only go back to one.
bool PieceCheck::counts() {
    Operand const& to = d_.operands[0];
    Operand const& from = d_.operands[1];
    auto is_counter = [this](Operand const& op) {
        return std::ranges::any_of(rules_.counters, [&](i32 place) { return is_state_slot(op, place); });
    };
    auto scratch = [](Operand const& op) {
        unsigned const r = op.type == ZYDIS_OPERAND_TYPE_REGISTER ? general_number(op.reg.value) : 16;
        return r < 16 && (scratch_registers >> r & 1) != 0 ? std::optional{r} : std::nullopt;
    };
    auto const register_to = scratch(to), register_from = scratch(from);
    if (d_.insn.mnemonic == ZYDIS_MNEMONIC_MOV && register_to && is_counter(from)) {
        m_.set(*register_to, {.kind = Kind::count});
        return true;
    }
    if (d_.insn.mnemonic == ZYDIS_MNEMONIC_MOV)
        return is_counter(to) && register_from && m_[*register_from].kind == Kind::count;
    return d_.insn.mnemonic == ZYDIS_MNEMONIC_LEA && register_to && m_[*register_to].kind == Kind::count &&
           general_number(from.mem.base) == *register_to && from.mem.index == ZYDIS_REGISTER_NONE;
}

PieceCheck::Verdict PieceCheck::wide_move() {
    auto slot_of = [this](Operand const& op) -> std::optional<unsigned> {
        if (op.type == ZYDIS_OPERAND_TYPE_REGISTER && is_wide(op.reg.value)) {
            unsigned const r = general_number(op.reg.value);
            return is_ordinary(r) ? std::optional{r} : std::nullopt;
        }
        return is_state_slot(op, rules_.saved_rax) ? std::optional{saved_rax_slot} : std::nullopt;
    };
    auto const to = slot_of(d_.operands[0]), from = slot_of(d_.operands[1]);
    if (!to || !from) return "a move of 64 bits";
    // Nothing but numbers below 2^32 needs keeping, so nothing else can come back.
    if (!is_clean(m_[*from].kind)) return "64 bits of a value that is not known to be clean";
    m_.set(*to, m_[*from]);
    return nullptr;
}

PieceCheck::Verdict PieceCheck::wide_lea() {
    Operand const& address = d_.operands[1];
    unsigned const to = general_number(d_.operands[0].reg.value);
    if (is_ordinary(to) && m_[to].kind == Kind::distance && general_number(address.mem.base) == to &&
        is_wide(address.mem.base) && address.mem.index == ZYDIS_REGISTER_NONE && d_.insn.address_width == 64 &&
        address.mem.disp.value == rules_.table_miss) {
        m_.set(to, {.kind = Kind::target});
        return nullptr;
    }
    if (wide_number() == nullptr) return nullptr;
    bool const form = piece_.window && (to == reg_rsi || to == reg_rdi) && d_.insn.address_width == 64 &&
                      address.mem.base == ZYDIS_REGISTER_R14 && general_number(address.mem.index) == to &&
                      address.mem.scale == 1 && address.mem.disp.value == 0;
    if (!form || !is_clean(m_[to].kind)) return "a 64-bit sum";
    m_.set(to, {.kind = Kind::window});
    return nullptr;
}

/// A number of 64 bits, made of numbers. Nothing is known of it, so it serves for no address.
PieceCheck::Verdict PieceCheck::wide_number() {
    constexpr Verdict why = "an operation of 64 bits that is not on numbers in scratch registers";
    auto is_number = [this](ZydisRegister reg) {
        unsigned const r = general_number(reg);
        return reg == ZYDIS_REGISTER_NONE ||
               (is_wide(reg) && is_ordinary(r) && (m_[r].kind == Kind::unknown || is_clean(m_[r].kind)));
    };
    Operand const& to = d_.operands[0];
    unsigned const r = to.type == ZYDIS_OPERAND_TYPE_REGISTER ? general_number(to.reg.value) : 16;
    if (r >= 16 || (scratch_registers >> r & 1) == 0 || !is_wide(to.reg.value)) return why;
    for (unsigned i = d_.insn.mnemonic == ZYDIS_MNEMONIC_NOT ? 0 : 1; i < d_.insn.operand_count; ++i) {
        Operand const& from = d_.operands[i];
        bool const sum = d_.insn.mnemonic == ZYDIS_MNEMONIC_LEA && from.type == ZYDIS_OPERAND_TYPE_MEMORY &&
                         d_.insn.address_width == 64 && is_number(from.mem.base) && is_number(from.mem.index);
        bool const number = from.type == ZYDIS_OPERAND_TYPE_REGISTER && is_number(from.reg.value);
        if (!sum && !number && from.type != ZYDIS_OPERAND_TYPE_IMMEDIATE) return why;
    }
    m_.set(r, {});
    return nullptr;
}

/// [r15 + the index of value `number` + ...].
bool PieceCheck::is_tlb_operand(Operand const& op, u32 number) const {
    if (op.mem.type != ZYDIS_MEMOP_TYPE_MEM || op.mem.segment == ZYDIS_REGISTER_GS || d_.insn.address_width != 64 ||
        op.mem.base != ZYDIS_REGISTER_R15 || op.mem.scale != 1 || !is_wide(op.mem.index) || op.size != 64)
        return false;
    unsigned const index = general_number(op.mem.index);
    return is_ordinary(index) && m_[index].kind == Kind::index && m_[index].number == number;
}

PieceCheck::Verdict PieceCheck::compare_tag() {
    unsigned const r = general_number(d_.operands[0].reg.value);
    Operand const& tag = d_.operands[1];
    if (!is_ordinary(r) || m_[r].kind != Kind::last_page || !is_tlb_operand(tag, m_[r].number))
        return "not the look-up's comparison";
    bool const write = tag.mem.disp.value == tlb().write_tag;
    if (!write && tag.mem.disp.value != tlb().read_tag) return "not a tag of this privilege's TLB";
    next_proof_ = {Proof::Stage::compared, m_[r].size, write, m_[r].number};
    return nullptr;
}

PieceCheck::Verdict PieceCheck::add_bias() {
    unsigned const r = general_number(d_.operands[0].reg.value);
    Operand const& bias = d_.operands[1];
    bool const proved = proof_.stage == Proof::Stage::passed && r >= reg_r8 && is_ordinary(r) &&
                        m_[r].kind == Kind::clean && m_[r].number == proof_.number;
    if (!proved || (guest_registers >> r & 1) != 0) return "a bias without a look-up";
    if (!is_tlb_operand(bias, proof_.number) || bias.mem.disp.value != tlb().bias) return "not the entry's bias";
    m_.set(r, {Kind::host, proof_.size, proof_.writable, 0});
    return nullptr;
}

/// 32 bits of a sum of guest values.
PieceCheck::Verdict PieceCheck::lea() {
    Operand const& to = d_.operands[0];
    auto const& sum = d_.operands[1].mem;
    if (d_.insn.address_width != 64 || ZydisRegisterGetClass(to.reg.value) != ZYDIS_REGCLASS_GPR32)
        return "an address computed in an unusual width";
    if (Verdict const why = check_register(to)) return why;
    for (ZydisRegister const reg : {sum.base, sum.index}) {
        if (reg == ZYDIS_REGISTER_NONE) continue;
        unsigned const r = general_number(reg);
        if (!is_ordinary(r)) return "rip, rsp, r13, r14 or r15 as data";
        if (m_[r].kind != Kind::unknown && !is_clean(m_[r].kind)) return "a host address as data";
    }
    // Among the scratch registers only: an address of the guest's own may be such a sum, too, and is looked up for itself.
    constexpr i64 largest_size = 64;
    Value result = fresh();
    unsigned const base = general_number(sum.base);
    auto scratch = [](unsigned r) { return r < 16 && (scratch_registers >> r & 1) != 0; };
    if (sum.index == ZYDIS_REGISTER_NONE && scratch(base) && base != general_number(to.reg.value) &&
        m_[base].kind == Kind::clean && sum.disp.value >= 0 && sum.disp.value < largest_size)
        result = {Kind::last_byte, static_cast<u8>(sum.disp.value + 1), false, m_[base].number};
    m_.set(general_number(to.reg.value), result);
    return nullptr;
}

} // namespace ring3
