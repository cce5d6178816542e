// Sensitive instructions: emulated by a sequence in the code cache, or by one call of the interpreter's routine (C7).
// None of them traps.
#include "monitor/cpu/engine_context.h"
#include "monitor/translator/block_writer.h"

#include <bit>

namespace ring3 {

using enum Host;
using insn::Op;

namespace {

// EFLAGS bits 8 to 15 as a byte: TF IF DF OF IOPL NT.
constexpr u8 interrupt_flag = 1 << 1;
constexpr u8 or_digit = 1, and_digit = 4;

} // namespace

/// The interpreter's routine, in one call. r9 says which instruction.
void BlockWriter::callout(Scanned const& s) {
    block_.has_callout = true;
    flush_sp();
    a_.mov_imm(r9, static_cast<u32>(records_.callouts.size()));
    bool const leaves = s.casts_shadow && &s == last_;
    records_.callouts.push_back({s.insn, pick_handler(s.insn, vcpu_.model), s.eip, leaves});
    a_.call(thunks_.callout);
    fpu_valid_ = false;
}

/// CLI and STI where the privilege level allows them: one store. STI leaves the decision to the routine if an interrupt
/// waits already.
void BlockWriter::inlined(Scanned const& s) {
    Op const op = s.insn.def->op;
    if (op == Op::pushf) return pushf(s);
    flush_sp(); // on both of the ways below
    u8 const* const second_byte = eflags_byte(1);
    bool const live = op == Op::sti || s.exact_after; // an interrupt may follow the instruction behind STI
    flags_stale_ = !live;
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
    a_.byte(op == Op::cli ? static_cast<u8>(~interrupt_flag) : interrupt_flag);
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

u8 const* BlockWriter::eflags_byte(unsigned index) const {
    return static_cast<u8 const*>(static_cast<void const*>(&map_.cpu().eflags)) + index;
}

/// PUSHFD shows the status flags, which are the host's, and the rest, which GuestCpu holds (SDM 2B PUSHF).
void BlockWriter::pushf(Scanned const& s) {
    static_cast<void>(s);
    callout(s);
}

} // namespace ring3
