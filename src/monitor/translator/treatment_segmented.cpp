// What segmented code has otherwise than flat code: stack and branches of 16 bits, strings one element at a time, and
// segment registers of real-address and virtual-8086 mode, which are loaded without a descriptor.
#include "insn/operands.h"
#include "monitor/translator/scanner.h"

namespace ring3 {

namespace {

using insn::Insn;
using insn::Op;
using insn::Shape;

Treatment inlined_if(bool condition) {
    return condition ? Treatment::inlined : Treatment::callout;
}

/// Repetitions are the routine's: one call for all of them.
Treatment string(Insn const& insn) {
    return insn.rep || insn.repne ? Treatment::callout : Treatment::expand;
}

/// The stack pointer is changed by the instruction itself, or used in its address: rare.
Treatment pop(Insn const& insn) {
    bool const awkward = insn.shape == Shape::r ? insn.dst == reg_ref(esp) : insn.base == esp;
    return awkward ? Treatment::callout : Treatment::expand;
}

/// Loads that change selector and base alone. Limit and rights of a small segment stay what they are in virtual-8086
/// mode; real-address mode sets the rights.
bool loads_paragraph(Insn const& insn, TranslationMode mode) {
    auto const name = static_cast<SegmentName>(insn::segment_operand(insn));
    bool const data =
        name == SegmentName::es || name == SegmentName::ds || name == SegmentName::fs || name == SegmentName::gs;
    return mode.has<TranslationMode::Paragraphs>() && data && mode.segment(name) == SegmentClass::small;
}

Treatment far_pointer(Insn const& insn, TranslationMode mode) {
    bool const plain = insn.has_memory && insn.operand_size == 2 && insn.reg() != esp;
    return inlined_if(plain && loads_paragraph(insn, mode));
}

/// Far transfers that change nothing but selector and base of CS, and stay in the jump space.
Treatment far_transfer(Insn const& insn, TranslationMode mode) {
    bool const indirect = insn.def->op == Op::call_far_indirect || insn.def->op == Op::jmp_far_indirect;
    bool const plain = insn.operand_size == 2 && (!indirect || insn.has_memory);
    return plain && mode.shared() ? Treatment::expand : Treatment::callout;
}

bool names_esp(Insn const& insn) {
    return !insn.has_memory && insn.rm() == esp;
}

} // namespace

std::optional<Treatment> segmented_treatment(Insn const& insn, TranslationMode mode, bool inline_sensitive) {
    switch (insn.def->op) {
    case Op::push:
    case Op::jmp:
    case Op::jcc:
    case Op::jcxz:
    case Op::loop:
    case Op::call:
    case Op::call_indirect:
    case Op::jmp_indirect:
    case Op::ret:
    case Op::leave: return Treatment::expand;
    case Op::pop: return pop(insn);
    case Op::loope:
    case Op::loopne: return insn.address_width == 4 ? Treatment::expand : Treatment::callout;
    case Op::movs:
    case Op::cmps:
    case Op::scas:
    case Op::lods:
    case Op::stos: return string(insn);
    case Op::call_far:
    case Op::call_far_indirect:
    case Op::jmp_far:
    case Op::jmp_far_indirect:
    case Op::ret_far: return inline_sensitive ? far_transfer(insn, mode) : Treatment::callout;
    case Op::pushf:
    case Op::popf: return Treatment::callout;
    case Op::push_segment: return inlined_if(inline_sensitive);
    case Op::pop_segment: return inlined_if(inline_sensitive && loads_paragraph(insn, mode));
    case Op::mov_to_segment: return inlined_if(inline_sensitive && !names_esp(insn) && loads_paragraph(insn, mode));
    case Op::mov_from_segment: return inlined_if(inline_sensitive && !names_esp(insn));
    case Op::load_far_pointer: return inlined_if(inline_sensitive && far_pointer(insn, mode) == Treatment::inlined);
    default: return std::nullopt;
    }
}

} // namespace ring3
