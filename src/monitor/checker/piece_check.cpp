#include "monitor/checker/piece_check.h"

#include <fmt/format.h>

namespace ring3 {

namespace {

ZydisDecoder const& decoder() {
    static ZydisDecoder const one = [] {
        ZydisDecoder d;
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        return d;
    }();
    return one;
}

bool writes(ZydisDecodedOperand const& op) {
    return (op.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
}
bool reads(ZydisDecodedOperand const& op) {
    return (op.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
}

} // namespace

unsigned general_number(ZydisRegister reg) {
    unsigned const r = reg;
    auto in = [r](unsigned first, unsigned last) { return r >= first && r <= last; };
    if (in(ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_R15)) return r - ZYDIS_REGISTER_RAX;
    if (in(ZYDIS_REGISTER_EAX, ZYDIS_REGISTER_R15D)) return r - ZYDIS_REGISTER_EAX;
    if (in(ZYDIS_REGISTER_AX, ZYDIS_REGISTER_R15W)) return r - ZYDIS_REGISTER_AX;
    if (in(ZYDIS_REGISTER_AL, ZYDIS_REGISTER_BL)) return r - ZYDIS_REGISTER_AL;
    if (in(ZYDIS_REGISTER_AH, ZYDIS_REGISTER_BH)) return r - ZYDIS_REGISTER_AH;
    if (in(ZYDIS_REGISTER_SPL, ZYDIS_REGISTER_R15B)) return r - ZYDIS_REGISTER_SPL + reg_rsp;
    return 16;
}

PieceCheck::PieceCheck(CodeChecker const& checker, CodePiece const& piece)
    : checker_{checker}, rules_{checker.rules()}, piece_{piece}, marks_(piece.bytes.size()) {
    for (u32 const offset : piece.entries)
        if (offset < marks_.size()) marks_[offset] = entry;
}

std::expected<void, CheckError> PieceCheck::run() {
    for (u32 const offset : piece_.entries)
        if (offset >= marks_.size()) return std::unexpected(CheckError{offset, "an entry outside"});
    while (offset_ < piece_.bytes.size()) {
        auto const rest = piece_.bytes.subspan(offset_);
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), rest.data(), rest.size(), &d_.insn, d_.operands)))
            return std::unexpected(CheckError{offset_, "not an instruction"});
        if (Verdict const why = step()) return std::unexpected(error(why));
        offset_ += d_.insn.length;
    }
    if (Verdict const why = finish()) return std::unexpected(CheckError{offset_, why});
    return {};
}

CheckError PieceCheck::error(Verdict why) const {
    ZydisFormatter formatter;
    char text[128] = "?";
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisFormatterFormatInstruction(&formatter, &d_.insn, d_.operands, d_.insn.operand_count_visible, text, sizeof text,
                                    piece_.start + offset_, nullptr);
    std::string bytes;
    for (u8 const byte : piece_.bytes.subspan(offset_, d_.insn.length)) bytes += fmt::format("{:02x} ", byte);
    return {offset_, fmt::format("{}: {}({})", why, bytes, static_cast<char const*>(text))};
}

PieceCheck::Verdict PieceCheck::step() {
    if (Verdict const why = arrive()) return why;
    marks_[offset_] |= start;
    if (Verdict const why = refused_instruction(d_.insn)) return why;
    next_proof_ = {};
    Verdict const why = is_branch(d_.insn) ? branch() : ordinary();
    proof_ = next_proof_;
    return why;
}

/// What is known before this instruction, from all that lead here.
PieceCheck::Verdict PieceCheck::arrive() {
    if (!is_entry(offset_)) {
        bool first = !reached_;
        for (Join const& way : joins_) {
            if ((marks_[offset_] & join) == 0) break;
            if (way.offset != offset_) continue;
            proof_ = {};
            if (first)
                m_ = way.state;
            else
                m_.meet(way.state, numbers_);
            first = false;
        }
        // Code that nothing leads to is checked as if other code could: it costs nothing.
        if (first) m_ = Machine::at_entry(numbers_);
        if (!reached_) proof_ = {};
    } else {
        if (reached_ && m_.dirty() != 0) return "a guest register is not 32-bit clean where code may come in";
        m_ = Machine::at_entry(numbers_);
        proof_ = {};
    }
    reached_ = true;
    return nullptr;
}

PieceCheck::Verdict PieceCheck::ordinary() {
    if (is_string(d_.insn)) return string();
    if (looks_up_target()) return nullptr;
    if (names_wide_register()) return wide();
    if (d_.insn.mnemonic == ZYDIS_MNEMONIC_LEA) return lea();
    for (unsigned i = 0; i < d_.insn.operand_count; ++i) {
        Operand const& op = d_.operands[i];
        Verdict why = nullptr;
        if (op.type == ZYDIS_OPERAND_TYPE_REGISTER) why = check_register(op);
        if (op.type == ZYDIS_OPERAND_TYPE_MEMORY) why = check_memory(op);
        if (op.type == ZYDIS_OPERAND_TYPE_POINTER) why = "a far pointer";
        if (why) return why;
    }
    write_registers();
    return nullptr;
}

PieceCheck::Verdict PieceCheck::check_register(Operand const& op) const {
    ZydisRegister const reg = op.reg.value;
    switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_X87:
    case ZYDIS_REGCLASS_MMX:
    case ZYDIS_REGCLASS_XMM:
    case ZYDIS_REGCLASS_YMM:
    case ZYDIS_REGCLASS_FLAGS: return nullptr;
    case ZYDIS_REGCLASS_GPR8:
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32: break;
    default:
        switch (reg) {
        case ZYDIS_REGISTER_MXCSR:
        case ZYDIS_REGISTER_X87CONTROL:
        case ZYDIS_REGISTER_X87STATUS:
        case ZYDIS_REGISTER_X87TAG: return nullptr;
        default: return "a register that emitted code has no business with";
        }
    }
    unsigned const r = general_number(reg);
    if (!is_ordinary(r)) return "rsp, r13, r14 or r15 as an operand";
    Kind const kind = m_[r].kind;
    bool const partial = ZydisRegisterGetClass(reg) != ZYDIS_REGCLASS_GPR32;
    bool const address = kind != Kind::unknown && !is_clean(kind);
    // The one reading of such a value: mov esi,esi. The window's base is a multiple of 4 GiB, nothing of it is seen.
    bool const cuts = d_.insn.mnemonic == ZYDIS_MNEMONIC_MOV && (kind == Kind::window || kind == Kind::moved) &&
                      d_.operands[0].reg.value == reg && d_.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                      d_.operands[1].reg.value == reg;
    if (address && (reads(op) || partial) && !cuts) return "a host address as data";
    return nullptr;
}

/// Facts that make up a look-up; for everything else a 32-bit result is just clean.
std::optional<Value> PieceCheck::special_result(unsigned reg) const {
    Operand const& from = d_.operands[1];
    bool const from_register = from.type == ZYDIS_OPERAND_TYPE_REGISTER;
    bool const from_immediate = from.type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    Value const& old = m_[reg];
    auto const immediate = static_cast<u32>(from.imm.value.u);
    switch (d_.insn.mnemonic) {
    case ZYDIS_MNEMONIC_MOV: {
        if (!from_register) return std::nullopt;
        Value const& source = m_[general_number(from.reg.value)];
        return is_clean(source.kind) ? std::optional{source} : std::nullopt;
    }
    case ZYDIS_MNEMONIC_SHR:
        if (!from_immediate || immediate != rules_.tlb_shift || old.kind != Kind::clean) return std::nullopt;
        return Value{Kind::shifted, 0, false, old.number};
    case ZYDIS_MNEMONIC_AND:
        if (!from_immediate) return std::nullopt;
        if (immediate == rules_.tlb_index_mask && old.kind == Kind::shifted)
            return Value{Kind::index, 0, false, old.number};
        if (immediate == ~u32{page_mask} && old.kind == Kind::clean)
            return Value{Kind::last_page, 1, false, old.number};
        if (immediate == ~u32{page_mask} && old.kind == Kind::last_byte)
            return Value{Kind::last_page, old.size, false, old.number};
        return std::nullopt;
    default: return std::nullopt;
    }
}

/// A 32-bit result clears the upper half (SDM 1 3.4.1.1); a smaller one keeps it, and so may one that is not always
/// written.
void PieceCheck::write_registers() {
    for (unsigned i = 0; i < d_.insn.operand_count; ++i) {
        Operand const& op = d_.operands[i];
        if (op.type != ZYDIS_OPERAND_TYPE_REGISTER || !writes(op)) continue;
        unsigned const r = general_number(op.reg.value);
        if (!is_ordinary(r)) continue; // a vector register
        bool const whole = ZydisRegisterGetClass(op.reg.value) == ZYDIS_REGCLASS_GPR32 &&
                           (op.actions & ZYDIS_OPERAND_ACTION_WRITE) != 0;
        bool const stays_clean = whole || is_clean(m_[r].kind);
        std::optional<Value> special;
        if (whole && i == 0) special = special_result(r);
        m_.set(r, special ? *special : stays_clean ? fresh() : Value{});
    }
}

PieceCheck::Verdict PieceCheck::finish() {
    if (reached_) return "execution runs over the end";
    if (piece_.bytes.empty()) return "no code";
    constexpr u8 aimed_at = entry | join;
    for (u8 const marks : marks_) {
        if ((marks & start) != 0 || (marks & aimed_at) == 0) continue;
        return (marks & entry) != 0 ? "an entry in the middle of an instruction"
                                    : "a branch into the middle of an instruction";
    }
    constexpr u32 jump_size = 5;
    for (u32 const landing : piece_.landings) {
        bool fits = landing + jump_size <= marks_.size() && (marks_[landing] & start) != 0;
        for (u32 i = 1; fits && i < jump_size; ++i) fits = (marks_[landing + i] & aimed_at) == 0;
        if (!fits) return "no room for a jump over a landing";
    }
    return nullptr;
}

} // namespace ring3
