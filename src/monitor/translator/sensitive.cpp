// Sensitive instructions: emulated by a sequence in the code cache, or by one call of the interpreter's routine (C9).
// None of them traps.
#include "insn/operands.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/translator/block_writer.h"

#include <bit>

namespace ring3 {

using enum Host;
using insn::Op;

namespace {

// EFLAGS bits 8 to 15 as a byte: TF IF DF OF IOPL NT.
constexpr u8 interrupt_bit = 1 << 1;
constexpr u8 or_digit = 1, and_digit = 4, not_digit = 2;
constexpr u8 shift_left = 4, shift_right = 5;
constexpr u8 overflow_bit = 11; // OF, which LAHF leaves out

CalloutKind kind_of(insn::Insn const& insn) {
    switch (insn.def->op) {
    case Op::sysenter:
    case Op::sysexit: return CalloutKind::fast_call;
    case Op::mov_to_segment:
    case Op::pop_segment: {
        auto const name = static_cast<SegmentName>(insn::segment_operand(insn));
        return name == SegmentName::ss || name == SegmentName::cs ? CalloutKind::any : CalloutKind::data_segment;
    }
    default: return CalloutKind::any;
    }
}

/// What POPF may not change here without more ado: code depends on it, or POPF has rules for it.
constexpr u32 unusual = Eflags::defined & ~(Eflags::status | mask_of<Eflags::IF>());

} // namespace

/// The interpreter's routine, in one call. r9 says which instruction.
void BlockWriter::callout(Scanned const& s) {
    block_.has_callout = true;
    flush_sp();
    a_.mov_imm(r9, static_cast<u32>(records_.callouts.size()));
    bool const leaves = s.casts_shadow && &s == last_;
    records_.callouts.push_back({s.insn,
                                 pick_handler(s.insn, vcpu_.model),
                                 s.eip,
                                 leaves,
                                 settings_.count && is_inlined(s),
                                 kind_of(s.insn),
                                 static_cast<SegmentName>(insn::segment_operand(s.insn)),
                                 {}});
    a_.call(thunks_.callout);
    fpu_valid_ = false;
}

void BlockWriter::inlined(Scanned const& s) {
    bool const paragraphs = key_.mode.has<TranslationMode::Paragraphs>();
    switch (s.insn.def->op) {
    case Op::push_segment: return push_selector(s);
    case Op::mov_from_segment: return load_selector(s);
    case Op::mov_to_segment:
    case Op::pop_segment: return paragraphs ? load_paragraph(s) : load_segment(s);
    case Op::load_far_pointer: return load_paragraph(s);
    case Op::pushf: return push_flags();
    case Op::popf: return pop_flags(s);
    default: return interrupt_flag(s);
    }
}

/// The selector is a field of GuestCpu; what lies behind it does not matter here.
Mem BlockWriter::selector_field(Scanned const& s) const {
    auto const name = static_cast<SegmentName>(insn::segment_operand(s.insn));
    return field(&map_.cpu().seg(name).selector);
}

/// A 32-bit push writes the selector's 16 bits and leaves the rest of the slot alone (SDM 2B PUSH).
void BlockWriter::push_selector(Scanned const& s) {
    u8 const slot = s.insn.operand_size;
    Mem const top = lower(stack_address(-slot), 2, Access::write);
    a_.op({.map = 1, .byte = 0xb7}, number(r11), selector_field(s)); // MOVZX R11D, m16
    a_.op({.byte = 0x89, .operand16 = true}, number(r11), top);
    sp_ -= slot;
}

void BlockWriter::load_selector(Scanned const& s) {
    if (s.insn.has_memory) {
        Mem const to = lower(address_of(s.insn), sizeof(u16), Access::write);
        a_.op({.map = 1, .byte = 0xb7}, number(r11), selector_field(s));
        return a_.op({.byte = 0x89, .operand16 = true}, number(r11), to);
    }
    Host const to = home(s.insn.dst / 8);
    a_.op({.map = 1, .byte = 0xb7}, number(r11), selector_field(s));
    a_.op({.byte = 0x89, .operand16 = s.insn.operand_size == 2}, number(r11), to);
}

/// A load of DS, ES, FS or GS that finds there what it would load: the same selector, and in the GDT the same descriptor.
/// Interrupts of a kernel by its own code and most system calls reload DS and ES so. Any other load is called out.
void BlockWriter::load_segment(Scanned const& s) {
    bool const pops = s.insn.def->op == Op::pop_segment;
    SegmentSource const& source = map_.cpu().seg(static_cast<SegmentName>(insn::segment_operand(s.insn))).source;
    if (pops) a_.load32(r8, lower(stack_address(0), sizeof(u32), Access::read));
    a_.op({.map = 1, .byte = 0xb7}, number(r8), pops ? r8 : home(s.insn.dst / 8)); // MOVZX R8D, r16
    a_.mov(r9, rcx);
    u32 const other_selector = jump_unless_equal(r8, field(&source.selector));
    a_.mov(rcx, r9);
    a_.load32(r11, field(&source.at));
    Mem descriptor{.base = r14, .index = r11};
    a_.load32(r10, descriptor); // may fault, as the stack may: only scratch registers have changed
    descriptor.disp = sizeof(u32);
    a_.load32(r11, descriptor);
    u32 const other_low = jump_unless_equal(r10, field(&source.descriptor.low));
    u32 const other_high = jump_unless_equal(r11, field(&source.descriptor.high));
    a_.mov(rcx, r9);
    i32 const change = sp_ + (pops ? 4 : 0);
    if (change != 0) a_.lea32(r12, {.base = r12, .disp = change});
    u32 const done = a_.jump_short();
    for (u32 const other : {other_selector, other_low, other_high}) a_.land(other);
    a_.mov(rcx, r9);
    callout(s);
    a_.land(done);
}

/// Touches no flag, but ecx.
u32 BlockWriter::jump_unless_equal(Host a, Mem const& b) {
    a_.load32(rcx, b);
    a_.op({.byte = 0xf7}, not_digit, rcx);
    a_.lea32(rcx, {.base = a, .index = rcx, .disp = 1});
    u32 const equal = a_.jrcxz();
    u32 const other = a_.jump_short();
    a_.land(equal);
    return other;
}

/// CLI and STI where the privilege level allows them: one store. STI leaves the decision to the routine if an interrupt
/// waits already.
void BlockWriter::interrupt_flag(Scanned const& s) {
    Op const op = s.insn.def->op;
    u8 const* const second_byte = eflags_byte(1);
    bool const live = op == Op::sti || s.exact_after; // an interrupt may follow the instruction behind STI
    flags_stale_ = !live;
    flush_sp(); // on both of the ways below
    if (live) {
        a_.mov(r11, rax);
        a_.lahf_seto();
    }
    u32 waits = 0;
    if (op == Op::sti) {
        a_.compare_imm8(field(&map_.context().event_pending), 0);
        waits = a_.jump_short(Condition::nz);
    }
    a_.op({.byte = 0x80}, op == Op::cli ? and_digit : or_digit, field(second_byte));
    a_.byte(op == Op::cli ? static_cast<u8>(~interrupt_bit) : interrupt_bit);
    if (live) {
        a_.sahf_from_packed();
        a_.mov(rax, r11);
    }
    if (op != Op::sti) return;
    u32 const done = a_.jump_short();
    a_.land(waits);
    if (live) {
        a_.sahf_from_packed();
        a_.mov(rax, r11);
    }
    callout(s);
    a_.land(done);
}

/// The status flags come from the processor, the others from EFLAGS. All are as they were when the stack is touched.
void BlockWriter::push_flags() {
    a_.mov(r11, rax);
    a_.lahf_seto();
    a_.op({.map = 1, .byte = 0xb6}, number(r8), rax); // MOVZX R8D, AL
    a_.shift_imm(shift_left, r8, overflow_bit);
    a_.op({.map = 1, .byte = 0xb7}, number(r9), rax); // MOVZX R9D, AX
    a_.shift_imm(shift_right, r9, 8);
    a_.op({.byte = 0x09}, number(r9), r8);
    a_.load32(r9, field(&map_.cpu().eflags));
    a_.alu_imm32(and_digit, r9, ~(Eflags::status | u32{mask_of<Eflags::RF, Eflags::VM>()}));
    a_.op({.byte = 0x09}, number(r9), r8);
    a_.sahf_from_packed();
    a_.mov(rax, r11);
    a_.store32(lower(stack_address(-4), sizeof(u32), Access::write), r8);
    sp_ -= 4;
}

/// Status flags and IF; whoever changes others, or lets in an interrupt that waits, calls the routine.
void BlockWriter::pop_flags(Scanned const& s) {
    Mem const eflags = field(&map_.cpu().eflags);
    constexpr u8 test_digit = 0;                                       // F7 /0
    a_.load32(r8, lower(stack_address(0), sizeof(u32), Access::read)); // may fault, with ESP as the point says
    flush_sp();                                                        // on both of the ways below
    a_.mov32(r9, r8);
    a_.op({.byte = 0x33}, number(r9), eflags);
    a_.op({.byte = 0xf7}, test_digit, r9);
    a_.word32(unusual);
    u32 const changes_more = a_.jump_short(Condition::nz);
    a_.op({.byte = 0xf7}, test_digit, r8);
    a_.word32(mask_of<Eflags::IF>());
    u32 const masked = a_.jump_short(Condition::z);
    a_.compare_imm8(field(&map_.context().event_pending), 0);
    u32 const waits = a_.jump_short(Condition::nz);
    a_.land(masked);
    a_.alu_imm32(and_digit, r9, mask_of<Eflags::IF>());
    a_.op({.byte = 0x31}, number(r9), eflags);
    a_.mov(r11, rax);
    a_.mov32(rax, r8);
    a_.shift_imm(shift_left, rax, 8);
    a_.shift_imm(shift_right, r8, overflow_bit);
    a_.alu_imm32(and_digit, r8, 1);
    a_.op({.byte = 0x09}, number(r8), rax);
    a_.sahf_from_packed();
    a_.mov(rax, r11);
    a_.lea32(r12, {.base = r12, .disp = 4});
    u32 const done = a_.jump_short();
    a_.land(changes_more);
    a_.land(waits);
    callout(s);
    a_.land(done);
}

u8 const* BlockWriter::eflags_byte(unsigned index) const {
    return static_cast<u8 const*>(static_cast<void const*>(&map_.cpu().eflags)) + index;
}

} // namespace ring3
