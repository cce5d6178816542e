// Segment registers as operands: MOV, PUSH, POP, LDS and its kind (SDM 2A LDS, 2B MOV, POP, PUSH).
#include "monitor/interpreter/far_transfer.h"
#include "monitor/interpreter/system_operands.h"
#include "monitor/interpreter/system_routines.h"

#include "insn/operands.h"

namespace ring3 {

namespace {

SegmentName named(insn::Insn const& insn) {
    return static_cast<SegmentName>(insn::segment_operand(insn));
}

/// After SS is loaded by MOV or POP, interrupts and debug traps wait for one more instruction, so that ESP can follow
/// (SDM 3A 6.8.3). LSS needs no such help.
Outcome after_segment_load(Vcpu& vcpu, SegmentName name) {
    if (name != SegmentName::ss) return Outcome::next();
    vcpu.cpu.interrupt_shadow = true;
    vcpu.cpu.debug_shadow = true;
    return Outcome::leave();
}

constexpr u8 sreg_count = 6; // ModRM.reg 6 and 7 name no segment register

} // namespace

Outcome mov_from_segment(Vcpu& vcpu, insn::Insn const& insn) {
    if (insn.reg() >= sreg_count) return undefined_opcode();
    return write_word_operand(vcpu, insn, vcpu.cpu.seg(named(insn)).selector.raw);
}

Outcome mov_to_segment(Vcpu& vcpu, insn::Insn const& insn) {
    auto const name = static_cast<SegmentName>(insn.reg());
    if (insn.reg() >= sreg_count || name == SegmentName::cs) return undefined_opcode();
    Selector selector;
    TRY_GUEST(read_word_operand(vcpu, insn, selector.raw));
    TRY_GUEST(load_segment(vcpu, name, selector));
    return after_segment_load(vcpu, name);
}

/// With a 32-bit operand, processors since the Core move ESP by 4 but write only the selector's two bytes (SDM 2B PUSH).
Outcome push_segment(Vcpu& vcpu, insn::Insn const& insn) {
    u32 const top = (static_cast<u32>(vcpu.cpu.gpr[esp]) - insn.operand_size) & vcpu.stack_mask();
    TRY_GUEST(vcpu.store(SegmentName::ss, top, vcpu.cpu.seg(named(insn)).selector.raw));
    vcpu.set_stack_pointer(top);
    return Outcome::next();
}

Outcome pop_segment(Vcpu& vcpu, insn::Insn const& insn) {
    // The stack is left by the size of the segment that the selector came from, even if SS itself is popped.
    u32 const mask = vcpu.stack_mask();
    Selector selector;
    TRY_GUEST(vcpu.load(SegmentName::ss, vcpu.stack_pointer(), selector.raw));
    u32 const old_top = static_cast<u32>(vcpu.cpu.gpr[esp]);
    TRY_GUEST(load_segment(vcpu, named(insn), selector));
    vcpu.cpu.write<u32>(reg_ref(esp), (old_top & ~mask) | ((old_top + insn.operand_size) & mask));
    return after_segment_load(vcpu, named(insn));
}

Outcome load_far_pointer_register(Vcpu& vcpu, insn::Insn const& insn) {
    if (!insn.has_memory) return undefined_opcode();
    FarPointer pointer;
    TRY_GUEST(load_far_pointer(vcpu, insn, pointer));
    TRY_GUEST(load_segment(vcpu, named(insn), pointer.selector));
    write_sized_register(vcpu.cpu, insn.reg(), insn.operand_size, pointer.offset);
    return named(insn) == SegmentName::ss ? Outcome::leave() : Outcome::next();
}

} // namespace ring3
