// Where execution may go.
#include "monitor/checker/piece_check.h"

namespace ring3 {

namespace {

bool is_near(ZydisDecodedInstruction const& insn) {
    return insn.meta.branch_type == ZYDIS_BRANCH_TYPE_SHORT || insn.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR;
}

bool counts_down(ZydisMnemonic m) {
    return m == ZYDIS_MNEMONIC_LOOP || m == ZYDIS_MNEMONIC_LOOPE || m == ZYDIS_MNEMONIC_LOOPNE;
}

} // namespace

PieceCheck::Verdict PieceCheck::branch() {
    ZydisDecodedInstruction const& insn = d_.insn;
    if (!is_near(insn)) return "a far branch";
    if (m_.dirty() != 0) return "a branch while a guest register is not 32-bit clean";
    if (insn.meta.category == ZYDIS_CATEGORY_RET) {
        reached_ = false;
        return insn.mnemonic == ZYDIS_MNEMONIC_RET && insn.length == 1 ? nullptr : "a return of an unusual kind";
    }
    if (counts_down(insn.mnemonic)) {
        if (insn.address_width != 32) return "LOOP with 64 bits";
        m_.set(reg_rcx, fresh());
    }
    Operand const& to = d_.operands[0];
    if (to.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to.imm.is_relative)
        return direct_branch(end_of_insn() + to.imm.value.u);
    if (!is_target(to)) return "an indirect branch that does not go through the jump table";
    reached_ = insn.meta.category == ZYDIS_CATEGORY_CALL;
    if (reached_) after_call(0);
    return nullptr;
}

/// What returns has used the scratch registers, and left the guest's clean: it is checked code, or a thunk.
void PieceCheck::after_call(unsigned kept_scratch) {
    unsigned const kept = kept_scratch & scratch_registers;
    for (unsigned r = 0; r < 16; ++r)
        if ((guest_registers >> r & 1) != 0) m_.set(r, fresh());
    m_.forget_scratch_but(kept);
}

PieceCheck::Verdict PieceCheck::direct_branch(u64 target) {
    bool const call = d_.insn.meta.category == ZYDIS_CATEGORY_CALL;
    bool const always = d_.insn.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
    constexpr unsigned size_of_field = 32;
    if (d_.insn.raw.imm[0].size == size_of_field) fields_.push_back(offset_ + d_.insn.length - 4);
    unsigned kept = 0;
    u64 const inside = target - piece_.start;
    if (inside < piece_.bytes.size()) {
        if (Verdict const why = jump_inside(static_cast<u32>(inside))) return why;
    } else if (KnownThunk const* const thunk = checker_.thunk_at(target)) {
        if (thunk->called != call) return "a thunk that is reached otherwise";
        kept = thunk->kept_scratch;
    } else if (!checker_.is_entry(target, piece_.window)) {
        return "a branch to what is not an entry";
    }
    reached_ = !always;
    if (call) after_call(kept);
    // Not taken after the look-up's comparison: the tag was right.
    if (d_.insn.mnemonic == ZYDIS_MNEMONIC_JNZ && proof_.stage == Proof::Stage::compared) {
        next_proof_ = proof_;
        next_proof_.stage = Proof::Stage::passed;
    }
    return nullptr;
}

PieceCheck::Verdict PieceCheck::jump_inside(u32 target) {
    if (is_entry(target)) return nullptr; // finish() sees that it starts an instruction
    if (target <= offset_) return "a branch backwards to what is not an entry";
    marks_[target] |= join;
    joins_.push_back({target, m_});
    return nullptr;
}

/// mov r32, [r13 + clean*4]: every value below 2^32 has a place in the jump table.
bool PieceCheck::looks_up_target() {
    Operand const& to = d_.operands[0];
    Operand const& from = d_.operands[1];
    if (d_.insn.mnemonic != ZYDIS_MNEMONIC_MOV || to.type != ZYDIS_OPERAND_TYPE_REGISTER ||
        from.type != ZYDIS_OPERAND_TYPE_MEMORY || from.mem.base != ZYDIS_REGISTER_R13)
        return false;
    unsigned const r = general_number(to.reg.value), index = general_number(from.mem.index);
    bool const scratch = r < 16 && (scratch_registers >> r & 1) != 0;
    bool const place = scratch && to.size == 32 && is_wide(from.mem.index) && is_ordinary(index) &&
                       is_clean(m_[index].kind) && from.mem.scale == 4 && from.mem.disp.value == 0 &&
                       from.mem.segment != ZYDIS_REGISTER_GS && d_.insn.address_width == 64;
    if (place) m_.set(r, {.kind = Kind::distance});
    return place;
}

bool PieceCheck::is_target(Operand const& op) const {
    if (op.type != ZYDIS_OPERAND_TYPE_REGISTER || !is_wide(op.reg.value)) return false;
    unsigned const r = general_number(op.reg.value);
    return is_ordinary(r) && m_[r].kind == Kind::target;
}

} // namespace ring3
