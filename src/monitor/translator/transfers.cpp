// The stack, branches and strings: instructions that cannot run as they are in 64-bit mode, or not from the code cache.
//
// Calls and returns are paired with the host's: a guest's CALL pushes the guest's return address on the guest's stack and
// the host's on ours; its RET loads the guest's target into r8d and executes a host RET, which the host predicts. What
// arrives at a return site compares r8d with the address it stands for, so a guest that returns elsewhere only takes the
// slower way through the jump table.
#include "base/assert.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/translator/block_writer.h"

namespace ring3 {

using enum Host;
using insn::Insn;
using insn::Op;
using insn::Shape;

// ---- the stack (SDM 1 6.2): store first, then move ESP, so that a fault finds it unmoved ---------------------------

void BlockWriter::push(Scanned const& s) {
    Insn const& insn = s.insn;
    u8 const slot = insn.operand_size;
    GuestAddress const top = stack_address(-slot);
    if (insn.shape == Shape::i) {
        store_slot(lower(top, slot, Access::write), static_cast<u32>(insn.imm), slot);
    } else if (insn.shape == Shape::m) {
        load_slot(r11, lower(address_of(insn), slot, Access::read), slot);
        store_slot(lower(top, slot, Access::write, Keep::r11), r11, slot);
    } else {
        u8 const gpr = insn.dst / 8;
        store_slot(lower(top, slot, Access::write), home(gpr), slot);
    }
    sp_ -= slot;
}

void BlockWriter::pop(Scanned const& s) {
    Insn const& insn = s.insn;
    u8 const slot = insn.operand_size;
    if (insn.shape == Shape::m) {
        load_slot(r11, lower(stack_address(0), slot, Access::read), slot);
        sp_ += slot; // an address with ESP as base uses the value after the pop (SDM 2B POP)
        store_slot(lower(address_of(insn), slot, Access::write, Keep::r11), r11, slot);
        return;
    }
    u8 const gpr = insn.dst / 8;
    Mem const top = lower(stack_address(0), slot, Access::read);
    a_.op({.byte = 0x8b, .operand16 = slot == 2}, number(home(gpr)), top);
    sp_ = gpr == esp ? 0 : sp_ + slot;
}

void BlockWriter::leave(Scanned const& s) {
    u8 const slot = s.insn.operand_size, width = key_.mode.stack_width();
    load_slot(r10, lower({.base = ebp, .segment = SegmentName::ss, .width = width}, slot, Access::read), slot);
    Mem const above{.base = rbp, .disp = slot};
    if (width == 2) {
        a_.lea32(r8, above);
        move_low_half(r12, r8);
    } else {
        a_.lea32(r12, above);
    }
    slot == 2 ? move_low_half(rbp, r10) : a_.mov32(rbp, r10);
    sp_ = 0;
}

// ---- near branches ------------------------------------------------------------------------------------------------

/// Goes to r8d through the jump table.
void BlockWriter::indirect(Via via) {
    emit_table_look_up(a_, leave_for(ExitKind::indirect));
    via == Via::jump ? a_.jump(r9) : a_.call(r9);
}

/// The place a paired return arrives at, with the guest's target in r8d.
void BlockWriter::return_site(Scanned const& s) {
    block_.return_sites.push_back(a_.offset());
    emit_target_check(a_, place_of(s.next()), thunks_.by_table);
}

/// No flag may change, whatever is known of the code that follows: what does not belong here may need them.
void emit_target_check(Assembler& a, u32 eip, HostPc miss) {
    a.mov(r9, rcx);
    a.lea32(rcx, {.base = r8, .disp = static_cast<i32>(0 - eip)});
    u32 const equal = a.jrcxz();
    a.mov(rcx, r9);
    a.jump(miss);
    a.land(equal);
    a.mov(rcx, r9);
}

void BlockWriter::call(Scanned const& s) {
    u32 const target = s.target();
    u8 const slot = s.insn.operand_size;
    store_slot(lower(stack_address(-slot), slot, Access::write), s.next() - code_base(), slot);
    sp_ -= slot;
    if (target == s.next()) return; // CALL $+5, to learn EIP: nothing returns here
    flush_sp();
    fpu_after_call();
    if (!pairs_return(s)) return go_to(target);
    if (on_this_page(target)) {
        a_.byte(0xe8);
        relative_exit(target);
    } else {
        a_.mov_imm(r8, place_of(target));
        indirect(Via::call);
    }
    return_site(s);
}

/// What the callee does with the processor's vector state is unknown.
void BlockWriter::fpu_after_call() {
    fpu_valid_ = false;
}

void BlockWriter::load_branch_target(Scanned const& s, Host to) {
    Insn const& insn = s.insn;
    u8 const slot = insn.operand_size;
    if (insn.shape == Shape::m) {
        load_slot(to, lower(address_of(insn), slot, Access::read), slot);
    } else {
        Host const from = home(insn.dst / 8);
        slot == 2 ? a_.op({.map = 1, .byte = 0xb7}, number(to), from) : a_.mov32(to, from); // MOVZX
    }
    check_target(to, slot);
}

void BlockWriter::call_indirect(Scanned const& s) {
    u8 const slot = s.insn.operand_size;
    load_branch_target(s, r11);
    store_slot(lower(stack_address(-slot), slot, Access::write, Keep::r11), s.next() - code_base(), slot);
    sp_ -= slot;
    flush_sp();
    fpu_after_call();
    place_of(r8, r11);
    if (!pairs_return(s)) return indirect(Via::jump);
    indirect(Via::call);
    return_site(s);
}

void BlockWriter::ret(Scanned const& s) {
    u8 const slot = s.insn.operand_size;
    load_slot(r8, lower(stack_address(0), slot, Access::read), slot);
    check_target(r8, slot);
    sp_ += slot + (s.insn.shape == Shape::i ? static_cast<i32>(s.insn.imm & 0xffff) : 0);
    flush_sp();
    place_of(r8, r8);
    settings_.paired_returns ? a_.ret() : indirect(Via::jump);
}

void BlockWriter::jump_indirect(Scanned const& s) {
    load_branch_target(s, r8);
    flush_sp();
    place_of(r8, r8);
    indirect(Via::jump);
}

void BlockWriter::conditional(Scanned const& s) {
    flush_sp();
    auto const condition = Condition(s.insn.def->opcode & 15);
    if (on_this_page(s.target())) {
        a_.byte(0x0f), a_.byte(0x80u | static_cast<u8>(condition));
        return relative_exit(s.target());
    }
    u32 const not_taken = a_.jump_short(Condition(static_cast<u8>(condition) ^ 1));
    go_to(s.target());
    a_.land(not_taken);
}

/// JECXZ, LOOP, LOOPE, LOOPNE: rel8 only, so the host's jumps over a longer one. No flag is touched.
void BlockWriter::count_register_branch(Scanned const& s) {
    flush_sp();
    if (s.insn.address_width == 2) return count_short_register(s);
    a_.byte(0x67); // ECX, not RCX
    a_.byte(s.insn.def->opcode);
    a_.byte(0);
    u32 const taken = a_.offset();
    u32 const not_taken = a_.jump_short();
    a_.land(taken);
    go_to(s.target());
    a_.land(not_taken);
}

// ---- strings (SDM 1 7.3.9), with windows only ---------------------------------------------------------------------

/// Both pointers are moved into the window and, because its base is a multiple of 4 GiB, are the guest's again when
/// their upper halves are cleared: also in the middle of a repetition, for a fault's handler.
void BlockWriter::string(Scanned const& s) {
    if (key_.mode.segmented()) return element(s);
    Op const op = s.insn.def->op;
    bool const source = op == Op::movs || op == Op::cmps || op == Op::lods;
    bool const destination = op != Op::lods;
    if (source) a_.lea(rsi, {.base = r14, .index = rsi});
    if (destination) a_.lea(rdi, {.base = r14, .index = rdi});
    if (s.insn.rep || s.insn.repne)
        block_.points.back().repeat = static_cast<u8>(a_.offset() - block_.points.back().host);
    if (s.insn.rep) a_.byte(0xf3);
    if (s.insn.repne) a_.byte(0xf2);
    if (s.insn.width == 2) a_.byte(0x66);
    a_.byte(s.insn.def->opcode);
    if (source) a_.mov32(rsi, rsi);
    if (destination) a_.mov32(rdi, rdi);
}

} // namespace ring3
