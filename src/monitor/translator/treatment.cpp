// Which instructions run unchanged, which are expanded, which are emulated inline or by a call.
#include "insn/operands.h"
#include "monitor/translator/scanner.h"

namespace ring3 {

namespace {

using insn::Insn;
using insn::Op;

SegmentName segment_of(Insn const& insn) {
    return static_cast<SegmentName>(insn.segment);
}

bool is_vector(Insn const& insn) {
    switch (insn.def->op) {
    case Op::x87:
    case Op::vector:
    case Op::fwait:
    case Op::fninit:
    case Op::fnclex:
    case Op::fnstsw_ax:
    case Op::fnstcw:
    case Op::fldcw:
    case Op::ldmxcsr:
    case Op::stmxcsr: return true;
    default: return false;
    }
}

Treatment vector_treatment(Insn const& insn, TranslationMode mode) {
    bool const runs = insn::is_avx(insn) ? mode.has<TranslationMode::Avx>() : mode.has<TranslationMode::Fpu>();
    return runs ? Treatment::direct : Treatment::callout;
}

/// String instructions run on the host with both pointers moved into the window; for that the segments must be flat.
Treatment string_treatment(Insn const& insn, TranslationMode mode) {
    bool const source = insn.def->op != Op::stos && insn.def->op != Op::scas;
    bool const destination = insn.def->op != Op::lods;
    bool const flat = (!source || mode.segment(segment_of(insn)) == SegmentClass::flat) &&
                      (!destination || mode.segment(SegmentName::es) == SegmentClass::flat);
    bool const plain = flat && insn.address_width == 4 && !mode.has<TranslationMode::Backwards>();
    return plain && mode.has<TranslationMode::Window>() ? Treatment::expand : Treatment::callout;
}

/// A register in AH..BH together with a memory operand that is read, changed and written: too rare for a sequence.
bool awkward_high_byte(Insn const& insn) {
    Op const op = insn.def->op;
    return insn.has_memory && (op == Op::xchg || op == Op::xadd || op == Op::cmpxchg) && insn.width == 1 &&
           insn.reg() >= 4;
}

/// AH..BH beside ESP, whose home needs a REX prefix: MOVZX ESP,AH and the like.
bool high_byte_beside_esp(Insn const& insn) {
    return insn.has_modrm && !insn.has_memory && insn.source_width == 1 && insn.width != 1 && insn.rm() >= 4 &&
           insn.reg() == esp;
}

/// May the load find in its place the descriptor that it wants? What privilege allows once, it allows again, but for
/// level 3, where SYSEXIT leaves selectors that could not be loaded there.
bool reloads(Insn const& insn, TranslationMode mode) {
    bool const stack = static_cast<SegmentName>(insn::segment_operand(insn)) == SegmentName::ss;
    bool const plain = insn.def->op == Op::pop_segment ? insn.operand_size == 4
                                                       : insn.shape == insn::Shape::r && insn.dst != reg_ref(esp);
    return plain && !stack && !mode.user() && mode.has<TranslationMode::Window>();
}

} // namespace

Treatment treatment_of(Insn const& insn, TranslationMode mode, CpuModel const& model, bool inline_sensitive) {
    if (!model.has(insn.def->feature) || awkward_high_byte(insn) || high_byte_beside_esp(insn))
        return Treatment::callout;
    if (is_vector(insn)) return vector_treatment(insn, mode);
    if (mode.segmented())
        if (auto const treatment = segmented_treatment(insn, mode, inline_sensitive)) return *treatment;
    bool const narrow_stack = insn.operand_size == 2;
    switch (insn.def->op) {
    case Op::add:
    case Op::or_:
    case Op::adc:
    case Op::sbb:
    case Op::and_:
    case Op::sub:
    case Op::xor_:
    case Op::cmp:
    case Op::test:
    case Op::inc:
    case Op::dec:
    case Op::neg:
    case Op::not_:
    case Op::mul:
    case Op::imul_wide:
    case Op::imul:
    case Op::div:
    case Op::idiv:
    case Op::cbw:
    case Op::cwd:
    case Op::rol:
    case Op::ror:
    case Op::rcl:
    case Op::rcr:
    case Op::shl:
    case Op::shr:
    case Op::sar:
    case Op::shld:
    case Op::shrd:
    case Op::bsf:
    case Op::bsr:
    case Op::lzcnt:
    case Op::tzcnt:
    case Op::popcnt:
    case Op::bswap:
    case Op::crc32:
    case Op::adcx:
    case Op::adox:
    case Op::andn:
    case Op::bextr:
    case Op::blsi:
    case Op::blsmsk:
    case Op::blsr:
    case Op::bzhi:
    case Op::pdep:
    case Op::pext:
    case Op::mulx:
    case Op::rorx:
    case Op::sarx:
    case Op::shlx:
    case Op::shrx:
    case Op::mov:
    case Op::movzx:
    case Op::movsx:
    case Op::movbe:
    case Op::xchg:
    case Op::cmpxchg:
    case Op::cmpxchg8b:
    case Op::xadd:
    case Op::cmov:
    case Op::setcc:
    case Op::lea:
    case Op::clc:
    case Op::stc:
    case Op::cmc:
    case Op::sahf:
    case Op::lahf:
    case Op::nop:
    case Op::pause:
    case Op::prefetch:
    case Op::fence: return Treatment::direct;
    case Op::bt:
    case Op::bts:
    case Op::btr:
    case Op::btc: // with a bit number in a register the access may lie anywhere: one page look-up is not enough
        return insn.has_memory && insn.shape == insn::Shape::mr ? Treatment::callout : Treatment::direct;
    case Op::push:
    case Op::pop:
    case Op::call:
    case Op::call_indirect:
    case Op::ret:
    case Op::jmp_indirect:
    case Op::leave: return narrow_stack ? Treatment::callout : Treatment::expand;
    case Op::jmp:
    case Op::jcc: return narrow_stack ? Treatment::callout : Treatment::expand;
    case Op::jcxz:
    case Op::loop:
    case Op::loope:
    case Op::loopne: return narrow_stack || insn.address_width == 2 ? Treatment::callout : Treatment::expand;
    case Op::movs:
    case Op::cmps:
    case Op::scas:
    case Op::lods:
    case Op::stos: return string_treatment(insn, mode);
    case Op::cld: return mode.has<TranslationMode::Backwards>() ? Treatment::callout : Treatment::direct;
    case Op::cli:
    case Op::sti:
        return inline_sensitive && mode.has<TranslationMode::IoAllowed>() ? Treatment::inlined : Treatment::callout;
    case Op::pushf: // of EFLAGS as they are: no mode of translated code has VM
        return inline_sensitive && !narrow_stack && mode.has<TranslationMode::Window>() ? Treatment::inlined
                                                                                        : Treatment::callout;
    case Op::popf: // where IF may be changed
        return inline_sensitive && !narrow_stack && mode.has<TranslationMode::Window>() &&
                       mode.has<TranslationMode::IoAllowed>()
                   ? Treatment::inlined
                   : Treatment::callout;
    case Op::pop_segment:
    case Op::mov_to_segment: return inline_sensitive && reloads(insn, mode) ? Treatment::inlined : Treatment::callout;
    case Op::push_segment: return inline_sensitive && !narrow_stack ? Treatment::inlined : Treatment::callout;
    case Op::mov_from_segment:
        return inline_sensitive && insn.shape == insn::Shape::r && insn.dst != reg_ref(esp) ? Treatment::inlined
                                                                                            : Treatment::callout;
    default: return Treatment::callout;
    }
}

} // namespace ring3
