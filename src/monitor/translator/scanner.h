// The scanner: finds the instructions that the next block is made of, and what is known about each (C6).
//
// It starts at an address that is about to run and follows the code: straight on, over conditional branches that are not
// taken, through direct jumps on the same page (a trace, C8), behind calls to where they return. It ends where nothing
// certain follows: at an indirect jump, at an instruction that may change how code decodes, at the page's end.
#pragma once

#include "insn/insn.h"
#include "monitor/cpu/cpu_model.h"
#include "monitor/translator/translation_mode.h"

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace ring3 {

/// How the translator treats an instruction (C1 gives the reasons).
enum class Treatment : u8 {
    direct,  // the same instruction, with other registers and addresses
    expand,  // a sequence for it: stack, branches, strings
    inlined, // sensitive, and emulated by a sequence
    callout, // one call of the interpreter's routine
};

struct Scanned {
    insn::Insn insn{};
    u32 eip{};  // the pc, see TranslationMode
    u32 goal{}; // of a direct branch
    Treatment treatment{};
    bool exact_before{}, exact_after{}; // the status flags: something may read them before they are overwritten
    bool overwrites_flags{};            // all of them
    bool casts_shadow{};                // no interrupt is taken before the next instruction is done
    bool no_stop{};                     // it stands in such a shadow
    u32 next() const { return eip + insn.length; }
    u32 target() const { return goal; }
};

struct Trace {
    std::vector<Scanned> insns{};
    bool crosses_page{};    // its one instruction ends on the next page
    bool stops_at_border{}; // what follows it does, or cannot be decoded
};

struct ScanRules {
    bool follow_jumps{true}; // traces, or basic blocks
    bool one_unit{};         // for --verify: stop after the first branch and before the first callout
    bool inline_sensitive{true};
    unsigned most{96};
    u32 code_base{}, code_limit{~u32{0}}; // of CS
    /// Is there a block's entry at this address already? Then the trace joins it instead of copying it.
    std::function<bool(u32 eip)> known{};
};

/// Where the bytes lie: `page` is the whole page of `eip`; `tail` the bytes that follow on the next one, if it is mapped.
struct CodeBytes {
    std::span<u8 const> page;
    std::span<u8 const> tail;
};

/// Scans from `eip` on. An empty trace: the first instruction is none that can be translated (undefined, too long).
Trace scan(CodeBytes const& bytes, u32 eip, TranslationMode mode, CpuModel const& model, ScanRules const& rules);

constexpr bool is_call(insn::Op op) {
    using insn::Op;
    return op == Op::call || op == Op::call_indirect || op == Op::call_far || op == Op::call_far_indirect;
}

/// How instructions of segmented code are treated where that differs from flat code; nothing: as there.
std::optional<Treatment> segmented_treatment(insn::Insn const& insn, TranslationMode mode, bool inline_sensitive);

/// How an instruction has to be treated in this mode.
Treatment treatment_of(insn::Insn const& insn, TranslationMode mode, CpuModel const& model, bool inline_sensitive);

} // namespace ring3
