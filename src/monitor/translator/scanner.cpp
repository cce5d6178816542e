#include "monitor/translator/scanner.h"

#include "insn/decoder.h"

#include <algorithm>

namespace ring3 {

namespace {

using insn::FlagMask;
using insn::Op;

bool same_page(u32 a, u32 b) {
    return (a & ~u32{page_mask}) == (b & ~u32{page_mask});
}

/// Flags that the instruction reads. The row of a shift must allow for a count of 0, which changes no flag; here the
/// count is known.
FlagMask read_by(insn::Insn const& insn) {
    bool const shift = insn.def->op == Op::shl || insn.def->op == Op::shr || insn.def->op == Op::sar;
    bool const counted = insn.shape == insn::Shape::ri || insn.shape == insn::Shape::mi;
    return shift && counted && (insn.imm & 31) != 0 ? FlagMask{0} : insn.def->reads;
}

/// Flags that the instruction certainly overwrites.
FlagMask killed_by(insn::Insn const& insn) {
    bool const conditional = insn.rep || insn.repne;
    return conditional ? 0 : static_cast<FlagMask>((insn.def->writes | insn.def->undefined) & ~read_by(insn));
}

class Scan {
public:
    Scan(CodeBytes const& bytes, TranslationMode mode, CpuModel const& model, ScanRules const& rules)
        : bytes_{bytes}, mode_{mode}, model_{model}, rules_{rules} {}

    Trace run(u32 eip) {
        page_ = eip;
        collect(eip);
        find_flags();
        return std::move(trace_);
    }

private:
    /// So many bytes of code there may be from here on. A segment of 4 GiB has no end.
    u64 bytes_to_the_end(u32 eip) const {
        u32 const offset = eip - rules_.code_base;
        if (rules_.code_limit == ~u32{0}) return ~u64{0};
        return offset > rules_.code_limit ? 0 : rules_.code_limit - offset + 1;
    }
    bool decode_bytes(std::span<u8 const> bytes, u32 eip, insn::Insn& insn) const {
        auto const inside = bytes.first(std::min<u64>(bytes.size(), bytes_to_the_end(eip)));
        return insn::decode(inside, mode_.code_size(), mode_.has_vex(), insn) == insn::DecodeStatus::ok;
    }
    /// Decodes the instruction at `eip`. False: its bytes do not suffice or are none.
    bool decode_at(u32 eip, insn::Insn& insn) const {
        return decode_bytes(bytes_.page.subspan(eip & page_mask), eip, insn);
    }
    /// The same for an instruction that begins on this page and ends on the next.
    bool decode_across(u32 eip, insn::Insn& insn) const {
        insn::JoinedBytes const joined{bytes_.page.subspan(eip & page_mask), bytes_.tail};
        return decode_bytes(joined.all(), eip, insn);
    }
    /// Where a direct branch leads (SDM 2A JMP: EIP is cut to the operand size).
    u32 goal_of(Scanned const& scanned) const {
        u32 const eip = scanned.next() - rules_.code_base + static_cast<u32>(scanned.insn.imm);
        return rules_.code_base + (scanned.insn.operand_size == 2 ? eip & 0xffff : eip);
    }

    void collect(u32 eip) {
        trace_.insns.reserve(16);
        while (trace_.insns.size() < rules_.most && same_page(eip, page_)) {
            if (!trace_.insns.empty() && (seen(eip) || joins_known(eip))) return;
            Scanned scanned{.eip = eip};
            if (!decode_at(eip, scanned.insn)) {
                trace_.stops_at_border = !trace_.insns.empty();
                if (trace_.stops_at_border || !decode_across(eip, scanned.insn)) return;
                trace_.crosses_page = true;
            }
            scanned.goal = goal_of(scanned);
            scanned.treatment = treatment_of(scanned.insn, mode_, model_, rules_.inline_sensitive);
            if (scanned.insn.def->ends == insn::Ends::branch && scanned.goal - rules_.code_base > rules_.code_limit)
                scanned.treatment = Treatment::callout; // which faults
            if (rules_.one_unit && scanned.treatment != Treatment::direct && scanned.treatment != Treatment::expand &&
                !trace_.insns.empty())
                return;
            scanned.casts_shadow = shadows(scanned.insn);
            trace_.insns.push_back(scanned);
            if (trace_.crosses_page || !follow(scanned, eip)) return;
        }
    }

    /// What stands in a shadow is not left to another block, which knows nothing of it.
    /// Nor is what a call returns to: it would be one more jump at each return.
    bool joins_known(u32 eip) const {
        Scanned const& last = trace_.insns.back();
        return rules_.known && !is_call(last.insn.def->op) && !last.casts_shadow && rules_.known(eip);
    }
    bool seen(u32 eip) const { return std::ranges::find(trace_.insns, eip, &Scanned::eip) != trace_.insns.end(); }

    /// Sets eip to what comes next in the trace. False: the trace ends behind this instruction.
    bool follow(Scanned const& scanned, u32& eip) const {
        insn::InsnDef const& def = *scanned.insn.def;
        if (rules_.one_unit && (def.ends != insn::Ends::no || scanned.treatment == Treatment::callout ||
                                scanned.treatment == Treatment::inlined))
            return false;
        eip = scanned.next();
        switch (def.op) {
        case Op::jmp:
            if (!rules_.follow_jumps || scanned.treatment != Treatment::expand) return false;
            if (!same_page(scanned.target(), page_)) return false;
            eip = scanned.target();
            return true;
        case Op::jcc:
        case Op::jcxz:
        case Op::loop:
        case Op::loope:
        case Op::loopne: return rules_.follow_jumps && scanned.treatment == Treatment::expand;
        case Op::call:
        case Op::call_indirect:
        case Op::call_far:
        case Op::call_far_indirect: return scanned.treatment == Treatment::expand;
        case Op::jmp_indirect:
        case Op::ret:
        case Op::jmp_far:
        case Op::jmp_far_indirect:
        case Op::ret_far:
        case Op::iret:
        case Op::int_n:
        case Op::int3:
        case Op::int1:
        case Op::sysenter:
        case Op::sysexit:
        case Op::hlt:
        case Op::ud:
        case Op::rsm: return false;
        default: return true;
        }
    }

    void find_flags() {
        for (std::size_t i = trace_.insns.size(); i-- > 0;) {
            trace_.insns[i].overwrites_flags = killed_by(trace_.insns[i].insn) == insn::flag::status;
            find_exact_flags(i);
        }
        for (std::size_t i = 0; i + 1 < trace_.insns.size(); ++i)
            trace_.insns[i + 1].no_stop = trace_.insns[i].casts_shadow;
    }

    /// Flags must be exact where an instruction reads them, and where a fault would push EFLAGS. What follows the trace,
    /// or a branch within it, may do either.
    void find_exact_flags(std::size_t i) {
        Scanned& scanned = trace_.insns[i];
        bool const last = i + 1 == trace_.insns.size();
        bool const straight = !last && trace_.insns[i + 1].eip == scanned.next();
        scanned.exact_after = !straight || trace_.insns[i + 1].exact_before;
        insn::InsnDef const& def = *scanned.insn.def;
        bool const faults = scanned.insn.has_memory || def.may_fault || scanned.treatment != Treatment::direct;
        scanned.exact_before =
            faults || read_by(scanned.insn) != 0 || (scanned.exact_after && !scanned.overwrites_flags);
    }

    /// STI and loads of SS hold back interrupts for one instruction (SDM 3A 6.8.1, 6.8.3).
    static bool shadows(insn::Insn const& insn) {
        constexpr u8 pop_ss = 0x17;
        constexpr auto ss = static_cast<u8>(SegmentName::ss);
        Op const op = insn.def->op;
        return op == Op::sti || (op == Op::mov_to_segment && insn.reg() == ss) ||
               (op == Op::pop_segment && insn.def->map == insn::Map::one_byte && insn.def->opcode == pop_ss);
    }

    CodeBytes const& bytes_;
    TranslationMode mode_;
    CpuModel const& model_;
    ScanRules const& rules_;
    u32 page_{};
    Trace trace_;
};

} // namespace

Trace scan(CodeBytes const& bytes, u32 eip, TranslationMode mode, CpuModel const& model, ScanRules const& rules) {
    return Scan{bytes, mode, model, rules}.run(eip);
}

} // namespace ring3
