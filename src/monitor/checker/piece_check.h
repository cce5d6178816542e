// PieceCheck: one pass over a piece of code, instruction by instruction.
#pragma once

#include "monitor/checker/allow_list.h"
#include "monitor/checker/checker.h"
#include "monitor/checker/machine.h"

#include <optional>

namespace ring3 {

class PieceCheck {
public:
    PieceCheck(CodeChecker const& checker, CodePiece const& piece);

    std::expected<void, CheckError> run();
    /// Offsets of the rel32s of direct jumps.
    std::vector<u32> const& fields() const { return fields_; }

private:
    using Verdict = char const*; // why not; nullptr: nothing against it
    using Operand = ZydisDecodedOperand;

    // ---- piece_check.cpp: the pass
    Verdict step();
    Verdict arrive();
    Verdict ordinary();
    Verdict check_register(Operand const& op) const;
    void write_registers();
    Value written_by_move() const;
    std::optional<Value> special_result(unsigned reg) const;
    Verdict finish();
    CheckError error(Verdict why) const;

    // ---- piece_memory.cpp: operands in memory
    Verdict check_memory(Operand const& op);
    Verdict through_gs(Operand const& op) const;
    Verdict in_window(Operand const& op) const;
    Verdict in_state(Operand const& op) const;
    Verdict looked_up(Operand const& op) const;
    Verdict guest_access(unsigned may_be_dirty = 0) const;
    Verdict string();

    // ---- piece_wide.cpp: the few instructions with 64-bit registers, and what they prove
    bool names_wide_register() const;
    Verdict wide();
    Verdict wide_move();
    Verdict wide_lea();
    Verdict wide_number();
    bool counts();
    Verdict compare_tag();
    Verdict add_bias();
    Verdict lea();
    bool is_state_slot(Operand const& op, i32 place) const;
    bool is_tlb_operand(Operand const& op, u32 number) const;

    // ---- piece_flow.cpp: branches
    Verdict branch();
    Verdict direct_branch(u64 target);
    bool looks_up_target();
    bool is_target(Operand const& op) const;
    Verdict jump_inside(u32 target);
    void after_call(unsigned kept_scratch);
    bool is_entry(u32 offset) const { return (marks_[offset] & entry) != 0; }

    Value fresh() { return {Kind::clean, 0, false, ++numbers_}; }
    TlbFields const& tlb() const { return rules_.tlb[piece_.privilege & 1]; }
    u64 end_of_insn() const { return piece_.start + offset_ + d_.insn.length; }

    CodeChecker const& checker_;
    CheckerRules const& rules_;
    CodePiece const& piece_;
    enum Mark : u8 { start = 1, join = 2, entry = 4 }; // of an instruction; of a branch forwards; for other code
    std::vector<u8> marks_;                            // of each byte
    u32 numbers_{};
    u32 offset_{};
    Decoded d_{};
    Machine m_;
    Proof proof_{};      // by the instruction before
    Proof next_proof_{}; // for the one behind
    bool reached_{};     // from the instruction before
    struct Join {
        u32 offset;
        Machine state;
    };
    std::vector<Join> joins_; // of branches forwards
    std::vector<u32> fields_;
};

/// The general register's number, 16 if it is none.
unsigned general_number(ZydisRegister reg);
inline bool is_wide(ZydisRegister reg) {
    return reg >= ZYDIS_REGISTER_RAX && reg <= ZYDIS_REGISTER_R15;
}

} // namespace ring3
