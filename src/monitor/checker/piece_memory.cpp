// What may be reached in memory.
#include "monitor/checker/piece_check.h"

namespace ring3 {

namespace {

constexpr unsigned largest_access = 128; // FRSTOR's 108 bytes; the guards are much larger

bool is_bit_test(ZydisMnemonic m) {
    return m == ZYDIS_MNEMONIC_BT || m == ZYDIS_MNEMONIC_BTS || m == ZYDIS_MNEMONIC_BTR || m == ZYDIS_MNEMONIC_BTC;
}

/// Base, index: nothing or a register that may hold a guest's value.
bool fits_sum(ZydisRegister reg) {
    return reg == ZYDIS_REGISTER_NONE || is_ordinary(general_number(reg));
}

bool writes(ZydisDecodedOperand const& op) {
    return (op.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
}

} // namespace

/// An access may fault, and the fault's handler takes the registers for the guest's.
PieceCheck::Verdict PieceCheck::guest_access(unsigned may_be_dirty) const {
    return (m_.dirty() & ~may_be_dirty) != 0 ? "guest memory is touched while a guest register is not 32-bit clean"
                                             : nullptr;
}

PieceCheck::Verdict PieceCheck::check_memory(Operand const& op) {
    if (op.mem.type != ZYDIS_MEMOP_TYPE_MEM) return "an operand in memory of an unusual kind";
    if (op.size == 0 || op.size / 8 > largest_access) return "an access of unknown or excessive size";
    // With a bit number in a register the access lies anywhere within 256 MiB of the operand (SDM 2A BT).
    if (is_bit_test(d_.insn.mnemonic) && d_.operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
        return "a bit string in memory";
    if (op.mem.segment == ZYDIS_REGISTER_GS) return through_gs(op);
    if (op.mem.base == ZYDIS_REGISTER_R14) return in_window(op);
    if (op.mem.base == ZYDIS_REGISTER_R15) return in_state(op);
    return looked_up(op);
}

/// The sum is cut to 32 bits before GS's base is added: it lies in the window, an access at its end in the guard.
PieceCheck::Verdict PieceCheck::through_gs(Operand const& op) const {
    if (!piece_.window) return "a window's address in code without window";
    if (d_.insn.address_width != 32) return "an address relative to GS that is not 32 bits wide";
    if (!fits_sum(op.mem.base) || !fits_sum(op.mem.index)) return "an address that is not made of guest registers";
    return guest_access();
}

/// Base, a value below 2^32 and a signed 32-bit displacement: within the guards (2 GiB below, 4 GiB above).
PieceCheck::Verdict PieceCheck::in_window(Operand const& op) const {
    if (!piece_.window) return "a window's address in code without window";
    if (op.mem.index != ZYDIS_REGISTER_NONE) {
        unsigned const index = general_number(op.mem.index);
        if (op.mem.scale != 1 || !is_wide(op.mem.index) || !is_ordinary(index) || !is_clean(m_[index].kind))
            return "the distance from the window's base is not 32-bit clean";
    }
    return guest_access();
}

PieceCheck::Verdict PieceCheck::in_state(Operand const& op) const {
    if (op.mem.index != ZYDIS_REGISTER_NONE) return "the CPU state with an index";
    i64 const place = op.mem.disp.value;
    for (StateField const& field : rules_.fields) {
        if (place < field.place || place + op.size / 8 > field.place + field.size) continue;
        return writes(op) && !field.writable ? "a write to a field that is only read" : nullptr;
    }
    return "not a field of the CPU state that is open to emitted code";
}

/// What the software TLB has let through, and no byte more.
PieceCheck::Verdict PieceCheck::looked_up(Operand const& op) const {
    unsigned const base = general_number(op.mem.base);
    if (!is_wide(op.mem.base) || !is_ordinary(base) || m_[base].kind != Kind::host || d_.insn.address_width != 64)
        return "an address that nothing has checked";
    Value const& value = m_[base];
    if (op.mem.index != ZYDIS_REGISTER_NONE || op.mem.disp.value < 0 || op.mem.disp.value + op.size / 8 > value.size)
        return "an access beyond the bytes that were looked up";
    if (writes(op) && !value.writable) return "a write where reading was looked up";
    return guest_access();
}

/// The pointers start in the window and go up (DF is 0 throughout): a repetition runs into the guard above.
PieceCheck::Verdict PieceCheck::string() {
    if (!piece_.window) return "a string instruction in code without window";
    if (d_.insn.address_width != 64) return "a string instruction with cut pointers";
    unsigned moved = 0;
    for (unsigned i = 0; i < d_.insn.operand_count; ++i) {
        Operand const& op = d_.operands[i];
        if (op.type == ZYDIS_OPERAND_TYPE_REGISTER && op.reg.value == ZYDIS_REGISTER_RAX) return "a 64-bit operand";
        if (op.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
        unsigned const pointer = general_number(op.mem.base);
        if ((pointer != reg_rsi && pointer != reg_rdi) || m_[pointer].kind != Kind::window)
            return "a pointer that was not moved into the window";
        if (op.mem.segment == ZYDIS_REGISTER_GS || op.size / 8 > 4) return "an unusual string operand";
        moved |= 1u << pointer;
    }
    if (Verdict const why = guest_access(moved)) return why;
    for (unsigned const pointer : {reg_rsi, reg_rdi})
        if ((moved >> pointer & 1) != 0) m_.set(pointer, {.kind = Kind::moved});
    m_.set(reg_rax, fresh()); // by LODS; RCX counts down from a clean value
    return nullptr;
}

} // namespace ring3
