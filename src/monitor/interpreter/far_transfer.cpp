// What far jumps, calls and returns have in common.
#include "monitor/interpreter/far_transfer.h"

namespace ring3 {

Outcome load_far_pointer(Vcpu& vcpu, insn::Insn const& insn, FarPointer& out) {
    SegmentName const segment = Vcpu::segment_of(insn);
    u32 const address = vcpu.effective_address(insn);
    u32 const mask = insn.address_width == 2 ? 0xffffu : 0xffff'ffffu;
    if (insn.operand_size == 2) {
        u16 offset = 0;
        TRY_GUEST(vcpu.load(segment, address, offset));
        out.offset = offset;
    } else {
        TRY_GUEST(vcpu.load(segment, address, out.offset));
    }
    return vcpu.load(segment, (address + insn.operand_size) & mask, out.selector.raw);
}

Outcome check_direct_target(Vcpu& vcpu, FarPointer to, Descriptor descriptor, CodeTarget& out) {
    SegmentRights const rights = descriptor.rights();
    unsigned const cpl = vcpu.cpu.cpl;
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    bool const allowed = rights.is_conforming_code()
                             ? dpl <= cpl
                             : rights.is_code() && to.selector.get<Selector::RPL>() <= cpl && dpl == cpl;
    if (!allowed) return selector_fault(Vector::gp, to.selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, to.selector);
    out = {to.selector, descriptor, to.offset, cpl};
    return vcpu.mark_accessed(out.selector, out.descriptor);
}

Outcome check_gate_access(Vcpu const& vcpu, Selector selector, SegmentRights rights) {
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    if (dpl < vcpu.cpu.cpl || dpl < selector.get<Selector::RPL>()) return selector_fault(Vector::gp, selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    return Outcome::next();
}

Outcome check_gate_target(Vcpu& vcpu, Gate gate, MayRaisePrivilege raise, CodeTarget& out) {
    unsigned const cpl = vcpu.cpu.cpl;
    out.selector = gate.selector();
    out.offset = gate.offset();
    if (out.selector.is_null()) return general_protection();
    TRY_GUEST(vcpu.load_descriptor(out.selector, out.descriptor, Vector::gp));
    SegmentRights const rights = out.descriptor.rights();
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    bool const raises = !rights.is_conforming_code() && dpl < cpl;
    if (!rights.is_code() || dpl > cpl || (raises && raise == MayRaisePrivilege::no))
        return selector_fault(Vector::gp, out.selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, out.selector);
    out.cpl = raises ? dpl : cpl;
    return vcpu.mark_accessed(out.selector, out.descriptor);
}

void enter_target(Vcpu& vcpu, CodeTarget const& target) {
    enter_code_segment(vcpu, target.selector, target.descriptor, target.cpl);
    vcpu.next_eip = target.offset;
    vcpu.update_mode();
}

Outcome enter_real_target(Vcpu& vcpu, FarPointer to) {
    TRY_GUEST(vcpu.jump_to(to.offset));
    return load_segment(vcpu, SegmentName::cs, to.selector);
}

Outcome check_return_target(Vcpu& vcpu, FarPointer to, CodeTarget& out) {
    Selector const selector = to.selector;
    unsigned const rpl = selector.get<Selector::RPL>();
    if (selector.is_null()) return general_protection();
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(selector, descriptor, Vector::gp));
    SegmentRights const rights = descriptor.rights();
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    bool const privilege_fits = rights.is_conforming_code() ? dpl <= rpl : dpl == rpl;
    if (!rights.is_code() || rpl < vcpu.cpu.cpl || !privilege_fits) return selector_fault(Vector::gp, selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    out = {selector, descriptor, to.offset, rpl};
    return vcpu.mark_accessed(out.selector, out.descriptor);
}

Outcome return_to_outer_level(Vcpu& vcpu, CodeTarget const& target, FarPointer stack, u32 release) {
    NewStack outer;
    TRY_GUEST(check_stack_segment(vcpu, stack.selector, target.cpl, Vector::gp, outer.segment));
    TRY_GUEST(check_offset(target));
    // A 16-bit outer stack leaves the upper half of ESP as the inner level had it, as processors do.
    outer.top = stack.offset + release;
    enter_target(vcpu, target);
    enter_stack(vcpu, outer);
    drop_privileged_data_segments(vcpu);
    return Outcome::next();
}

} // namespace ring3
