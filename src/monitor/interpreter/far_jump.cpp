// Far JMP and CALL: to code segments, through call gates, to tasks (SDM 2A JMP, CALL; 3A 5.8.2-5.8.5, 7.3).
#include "monitor/interpreter/far_transfer.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

SavedContext context_after(Vcpu const& vcpu) {
    return {static_cast<u32>(vcpu.next_eip), vcpu.cpu.eflags.raw};
}

// ---- tasks -------------------------------------------------------------------------------------------------------

Outcome transfer_to_tss(Vcpu& vcpu, Selector selector, TaskSwitch how) {
    Descriptor descriptor;
    TRY_GUEST(find_available_tss(vcpu, selector, descriptor));
    TRY_GUEST(switch_task(vcpu, selector, descriptor, how, context_after(vcpu)));
    return Outcome::leave();
}

Outcome transfer_to_task_gate(Vcpu& vcpu, Gate gate, TaskSwitch how) {
    TRY_GUEST(switch_through_gate(vcpu, gate, how, context_after(vcpu)));
    return Outcome::leave();
}

/// The system descriptors that JMP and CALL treat alike; what is left are call gates.
Outcome transfer_to_task(Vcpu& vcpu, Selector selector, Descriptor descriptor, TaskSwitch how) {
    SegmentRights const rights = descriptor.rights();
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    switch (rights.system_type()) {
    case SystemType::task_gate:
        TRY_GUEST(check_gate_access(vcpu, selector, rights));
        return transfer_to_task_gate(vcpu, {descriptor.raw}, how);
    case SystemType::tss16_available:
    case SystemType::tss32_available:
        if (dpl < vcpu.cpu.cpl || dpl < selector.get<Selector::RPL>()) return selector_fault(Vector::gp, selector);
        return transfer_to_tss(vcpu, selector, how);
    default: return selector_fault(Vector::gp, selector);
    }
}

bool is_call_gate(Descriptor descriptor) {
    SegmentRights const rights = descriptor.rights();
    return !rights.has<SegmentRights::S>() &&
           (rights.system_type() == SystemType::call_gate16 || rights.system_type() == SystemType::call_gate32);
}

// ---- JMP ---------------------------------------------------------------------------------------------------------

Outcome jump_protected(Vcpu& vcpu, FarPointer to) {
    if (to.selector.is_null()) return general_protection();
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(to.selector, descriptor, Vector::gp));
    CodeTarget target;
    if (descriptor.rights().has<SegmentRights::S>()) {
        TRY_GUEST(check_direct_target(vcpu, to, descriptor, target));
    } else if (is_call_gate(descriptor)) {
        TRY_GUEST(check_gate_access(vcpu, to.selector, descriptor.rights()));
        TRY_GUEST(check_gate_target(vcpu, {descriptor.raw}, MayRaisePrivilege::no, target));
    } else {
        return transfer_to_task(vcpu, to.selector, descriptor, TaskSwitch::jump);
    }
    TRY_GUEST(check_offset(target));
    enter_target(vcpu, target);
    return Outcome::leave();
}

Outcome jump(Vcpu& vcpu, FarPointer to) {
    if (vcpu.cpu.uses_descriptors()) return jump_protected(vcpu, to);
    TRY_GUEST(enter_real_target(vcpu, to));
    return Outcome::leave();
}

// ---- CALL --------------------------------------------------------------------------------------------------------

/// Pushes CS:eIP on the stack in use and goes to the target.
Outcome call_same_level(Vcpu& vcpu, CodeTarget const& target, unsigned width) {
    TRY_GUEST(check_offset(target));
    u32 const words[] = {vcpu.cpu.seg(SegmentName::cs).selector.raw, static_cast<u32>(vcpu.next_eip)};
    NewStack stack = current_stack(vcpu);
    TRY_GUEST(push_frame(vcpu, stack, words, width));
    enter_stack(vcpu, stack);
    enter_target(vcpu, target);
    return Outcome::leave();
}

/// To a more privileged level: the inner stack gets the old SS:eSP, the parameters, and the return address
/// (SDM 3A figure 5-13).
Outcome call_inner_level(Vcpu& vcpu, CodeTarget const& target, Gate gate) {
    NewStack stack;
    TRY_GUEST(inner_stack(vcpu, target.cpl, stack));
    TRY_GUEST(check_offset(target));
    constexpr unsigned most_parameters = 31;
    unsigned const count = gate.parameters();
    u32 words[2 + most_parameters + 2];
    words[0] = vcpu.cpu.seg(SegmentName::ss).selector.raw;
    words[1] = static_cast<u32>(vcpu.cpu.gpr[esp]);
    u32 parameters[most_parameters];
    TRY_GUEST(read_frame(vcpu, {parameters, count}, gate.width(), 0));
    for (unsigned i = 0; i < count; ++i) words[2 + i] = parameters[count - 1 - i];
    words[2 + count] = vcpu.cpu.seg(SegmentName::cs).selector.raw;
    words[3 + count] = static_cast<u32>(vcpu.next_eip);
    TRY_GUEST(push_frame(vcpu, stack, {words, count + 4}, gate.width()));
    enter_stack(vcpu, stack);
    enter_target(vcpu, target);
    return Outcome::leave();
}

Outcome call_through_gate(Vcpu& vcpu, Selector selector, Gate gate) {
    TRY_GUEST(check_gate_access(vcpu, selector, gate.rights()));
    CodeTarget target;
    TRY_GUEST(check_gate_target(vcpu, gate, MayRaisePrivilege::yes, target));
    if (target.cpl < vcpu.cpu.cpl) return call_inner_level(vcpu, target, gate);
    return call_same_level(vcpu, target, gate.width());
}

Outcome call_protected(Vcpu& vcpu, FarPointer to, unsigned width) {
    if (to.selector.is_null()) return general_protection();
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(to.selector, descriptor, Vector::gp));
    if (is_call_gate(descriptor)) return call_through_gate(vcpu, to.selector, {descriptor.raw});
    if (!descriptor.rights().has<SegmentRights::S>())
        return transfer_to_task(vcpu, to.selector, descriptor, TaskSwitch::call);
    CodeTarget target;
    TRY_GUEST(check_direct_target(vcpu, to, descriptor, target));
    return call_same_level(vcpu, target, width);
}

Outcome call(Vcpu& vcpu, FarPointer to, unsigned width) {
    if (vcpu.cpu.uses_descriptors()) return call_protected(vcpu, to, width);
    if (to.offset > vcpu.cpu.seg(SegmentName::cs).limit) return general_protection();
    u32 const words[] = {vcpu.cpu.seg(SegmentName::cs).selector.raw, static_cast<u32>(vcpu.next_eip)};
    NewStack stack = current_stack(vcpu);
    TRY_GUEST(push_frame(vcpu, stack, words, width));
    enter_stack(vcpu, stack);
    TRY_GUEST(enter_real_target(vcpu, to));
    return Outcome::leave();
}

FarPointer immediate_pointer(insn::Insn const& insn) {
    return {{{insn.imm2}}, static_cast<u32>(insn.imm) & (insn.operand_size == 2 ? 0xffffu : 0xffff'ffffu)};
}

} // namespace

Outcome jmp_far(Vcpu& vcpu, insn::Insn const& insn) {
    return jump(vcpu, immediate_pointer(insn));
}

Outcome jmp_far_indirect(Vcpu& vcpu, insn::Insn const& insn) {
    FarPointer to;
    TRY_GUEST(load_far_pointer(vcpu, insn, to));
    return jump(vcpu, to);
}

Outcome call_far(Vcpu& vcpu, insn::Insn const& insn) {
    return call(vcpu, immediate_pointer(insn), insn.operand_size);
}

Outcome call_far_indirect(Vcpu& vcpu, insn::Insn const& insn) {
    FarPointer to;
    TRY_GUEST(load_far_pointer(vcpu, insn, to));
    return call(vcpu, to, insn.operand_size);
}

} // namespace ring3
