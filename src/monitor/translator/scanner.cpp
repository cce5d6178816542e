#include "monitor/translator/scanner.h"

#include "insn/decoder.h"

#include <algorithm>
#include <array>

namespace ring3 {

namespace {

using insn::FlagMask;
using insn::Op;

/// Decodes the instruction at `eip`, whose page is `bytes.page`. False: its bytes do not suffice or are none.
bool decode_at(CodeBytes const& bytes, u32 eip, insn::Insn& insn) {
    auto const head = bytes.page.subspan(eip & page_mask);
    return insn::decode(head, 4, true, insn) == insn::DecodeStatus::ok;
}

/// The same for an instruction that begins on this page and ends on the next.
bool decode_across(CodeBytes const& bytes, u32 eip, insn::Insn& insn) {
    std::array<u8, insn::max_length> joined{};
    auto const head = bytes.page.subspan(eip & page_mask);
    if (head.size() >= joined.size()) return false;
    auto const tail = bytes.tail.first(std::min(bytes.tail.size(), joined.size() - head.size()));
    std::ranges::copy(tail, std::ranges::copy(head, joined.begin()).out);
    std::span<u8 const> const all{joined.data(), head.size() + tail.size()};
    return insn::decode(all, 4, true, insn) == insn::DecodeStatus::ok;
}

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

constexpr FlagMask all_flags = insn::flag::status;

/// The flags that code at `eip` may read before it writes them, as far as a short look tells.
FlagMask live_at(CodeBytes const& bytes, u32 eip, u32 page) {
    FlagMask live = 0, undecided = all_flags;
    insn::Insn insn;
    for (unsigned i = 0; i < 8 && undecided != 0; ++i) {
        if (!same_page(eip, page) || !decode_at(bytes, eip, insn)) break;
        live = static_cast<FlagMask>(live | (undecided & read_by(insn)));
        undecided &= static_cast<FlagMask>(~(read_by(insn) | killed_by(insn)));
        if (insn.def->ends != insn::Ends::no) {
            if (insn.def->op != Op::jmp && insn.def->op != Op::call) break;
            eip = eip + insn.length + static_cast<u32>(insn.imm);
        } else {
            eip += insn.length;
        }
    }
    return static_cast<FlagMask>(live | undecided);
}

class Scan {
public:
    Scan(CodeBytes const& bytes, TranslationMode mode, CpuModel const& model, ScanRules const& rules)
        : bytes_{bytes}, mode_{mode}, model_{model}, rules_{rules} {}

    Trace run(u32 eip) {
        page_ = eip;
        collect(eip);
        find_live_flags();
        return std::move(trace_);
    }

private:
    void collect(u32 eip) {
        trace_.insns.reserve(16);
        while (trace_.insns.size() < rules_.most && same_page(eip, page_)) {
            if (!trace_.insns.empty() && (seen(eip) || joins_known(eip))) return;
            Scanned scanned{.eip = eip};
            if (!decode_at(bytes_, eip, scanned.insn)) {
                trace_.stops_at_border = !trace_.insns.empty();
                if (trace_.stops_at_border || !decode_across(bytes_, eip, scanned.insn)) return;
                trace_.crosses_page = true;
            }
            scanned.treatment = treatment_of(scanned.insn, mode_, model_, rules_.inline_sensitive);
            if (rules_.one_unit && scanned.treatment != Treatment::direct && scanned.treatment != Treatment::expand &&
                !trace_.insns.empty())
                return;
            scanned.casts_shadow = shadows(scanned.insn);
            trace_.insns.push_back(scanned);
            if (trace_.crosses_page || !follow(scanned, eip)) return;
        }
    }

    /// What stands in a shadow is not left to another block, which knows nothing of it.
    bool joins_known(u32 eip) const { return rules_.known && !trace_.insns.back().casts_shadow && rules_.known(eip); }
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
        case Op::call_indirect: return scanned.treatment == Treatment::expand;
        case Op::jmp_indirect:
        case Op::ret:
        case Op::jmp_far:
        case Op::jmp_far_indirect:
        case Op::call_far:
        case Op::call_far_indirect:
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

    FlagMask live_after(std::size_t i) const {
        Scanned const& scanned = trace_.insns[i];
        bool const last = i + 1 == trace_.insns.size();
        u32 const next = last ? scanned.next() : trace_.insns[i + 1].eip;
        FlagMask const ahead = !last ? trace_.insns[i + 1].live_before : live_at(bytes_, next, page_);
        switch (scanned.insn.def->op) {
        case Op::jcc:
        case Op::jcxz:
        case Op::loop:
        case Op::loope:
        case Op::loopne: return ahead | live_at(bytes_, scanned.target(), page_);
        case Op::jmp: return last ? live_at(bytes_, scanned.target(), page_) : ahead;
        case Op::call: return live_at(bytes_, scanned.target(), page_);
        case Op::call_indirect:
        case Op::jmp_indirect:
        case Op::ret: return all_flags;
        default: return trace_.crosses_page ? all_flags : ahead;
        }
    }

    void find_live_flags() {
        for (std::size_t i = trace_.insns.size(); i-- > 0;) {
            Scanned& scanned = trace_.insns[i];
            scanned.live_after = rules_.one_unit ? all_flags : live_after(i);
            FlagMask const passed = scanned.live_after & static_cast<FlagMask>(~killed_by(scanned.insn));
            // A callout saves and restores what it does not change; what it reads, it reads from the saved flags.
            bool const needs_all = scanned.treatment == Treatment::callout;
            scanned.live_before = static_cast<FlagMask>((passed | read_by(scanned.insn)) & all_flags);
            if (needs_all) scanned.live_before = all_flags;
            scanned.overwrites_flags = killed_by(scanned.insn) == all_flags;
            find_exact_flags(i);
        }
        for (std::size_t i = 0; i + 1 < trace_.insns.size(); ++i)
            trace_.insns[i + 1].no_stop = trace_.insns[i].casts_shadow;
    }

    /// A fault pushes EFLAGS, also flags that no instruction would have read.
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
