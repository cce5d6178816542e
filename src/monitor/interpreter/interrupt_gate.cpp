// Events in protected and virtual-8086 mode: through the gates of the IDT (SDM 3A 6.10-6.13; 2A INT).
//
//     IDT[vector] -> task gate            switch_task()
//                 -> interrupt/trap gate -> code segment, DPL < CPL:  stack of the TSS  (from virtual-8086 mode: and
//                                                                      the data segments are pushed and made null)
//                                        -> conforming, or DPL = CPL: the stack in use
#include "monitor/interpreter/event.h"
#include "monitor/interpreter/stack_frame.h"
#include "monitor/interpreter/task.h"

namespace ring3 {

namespace {

bool is_idt_gate(Gate gate) {
    if (!gate.is_system()) return false;
    switch (gate.type()) {
    case SystemType::task_gate:
    case SystemType::interrupt_gate16:
    case SystemType::trap_gate16:
    case SystemType::interrupt_gate32:
    case SystemType::trap_gate32: return true;
    default: return false;
    }
}

bool masks_interrupts(Gate gate) {
    return gate.type() == SystemType::interrupt_gate16 || gate.type() == SystemType::interrupt_gate32;
}

/// The gate, after the checks that are about the IDT entry itself.
Outcome find_gate(Vcpu& vcpu, Event const& event, Gate& gate) {
    u32 const offset = event.vector * 8u;
    if (offset + 7 > vcpu.cpu.idtr.limit) return Outcome::fault(Vector::gp, event.idt_error());
    TRY_GUEST(vcpu.load_system({u32(vcpu.cpu.idtr.base + offset)}, gate.raw));
    if (!is_idt_gate(gate)) return Outcome::fault(Vector::gp, event.idt_error());
    bool const asked_for = event.kind == EventKind::software;
    if (asked_for && gate.dpl() < vcpu.cpu.cpl) return Outcome::fault(Vector::gp, event.idt_error());
    if (!gate.present()) return Outcome::fault(Vector::np, event.idt_error());
    return Outcome::next();
}

/// The words of a handler's frame, in the order in which they are pushed; at most 10 (SDM 3A figures 6-4, 20-4).
class FrameWords {
public:
    void add(u32 word) { words_[count_++] = word; }
    std::span<u32 const> words() const { return {words_, count_}; }

private:
    u32 words_[10]{};
    std::size_t count_{};
};

void add_return(FrameWords& frame, GuestCpu const& cpu, Event const& event, EventFrame saved) {
    frame.add(saved.eflags);
    frame.add(cpu.seg(SegmentName::cs).selector.raw);
    frame.add(saved.eip);
    if (event.has_error) frame.add(event.error);
}

void add_stack_pointer(FrameWords& frame, GuestCpu const& cpu) {
    frame.add(cpu.seg(SegmentName::ss).selector.raw);
    frame.add(static_cast<u32>(cpu.gpr[esp]));
}

/// A code segment for a handler, checked for type and presence.
struct HandlerSegment {
    Selector selector{};
    Descriptor descriptor{};
    unsigned cpl{}; // the privilege that the handler will run at
};

Outcome find_handler_segment(Vcpu& vcpu, Gate gate, HandlerSegment& out) {
    unsigned const cpl = vcpu.cpu.cpl;
    out.selector = gate.selector();
    if (out.selector.is_null()) return general_protection();
    TRY_GUEST(vcpu.load_descriptor(out.selector, out.descriptor, Vector::gp));
    SegmentRights const rights = out.descriptor.rights();
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    if (!rights.is_code() || dpl > cpl) return selector_fault(Vector::gp, out.selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, out.selector);
    out.cpl = rights.is_conforming_code() ? cpl : dpl;
    // Virtual-8086 code may only be interrupted by a handler at level 0 (SDM 3B 21.3.1).
    if (vcpu.cpu.virtual8086() && out.cpl != 0) return selector_fault(Vector::gp, out.selector);
    return vcpu.mark_accessed(out.selector, out.descriptor);
}

Outcome check_target(HandlerSegment const& target, Gate gate) {
    return gate.offset() > target.descriptor.limit() ? general_protection() : Outcome::next();
}

void leave_virtual8086(GuestCpu& cpu) {
    for (SegmentName name : {SegmentName::gs, SegmentName::fs, SegmentName::ds, SegmentName::es})
        make_null(cpu.seg(name));
}

void enter_handler(Vcpu& vcpu, Gate gate, HandlerSegment const& target, NewStack const& stack) {
    GuestCpu& cpu = vcpu.cpu;
    enter_stack(vcpu, stack);
    enter_code_segment(vcpu, target.selector, target.descriptor, target.cpl);
    cpu.eflags.raw &= ~static_cast<u32>(mask_of<Eflags::TF, Eflags::VM, Eflags::RF, Eflags::NT>());
    if (masks_interrupts(gate)) cpu.eflags = cpu.eflags.with<Eflags::IF>(0);
    commit_eip(vcpu, gate.offset());
}

Outcome enter_inner_level(Vcpu& vcpu, Event const& event, EventFrame saved, Gate gate, HandlerSegment const& target) {
    GuestCpu& cpu = vcpu.cpu;
    NewStack stack;
    TRY_GUEST(inner_stack(vcpu, target.cpl, stack));
    TRY_GUEST(check_target(target, gate));
    FrameWords frame;
    bool const from_v86 = cpu.virtual8086();
    if (from_v86)
        for (SegmentName name : {SegmentName::gs, SegmentName::fs, SegmentName::ds, SegmentName::es})
            frame.add(cpu.seg(name).selector.raw);
    add_stack_pointer(frame, cpu);
    add_return(frame, cpu, event, saved);
    TRY_GUEST(push_frame(vcpu, stack, frame.words(), gate.width()));
    if (from_v86) leave_virtual8086(cpu);
    enter_handler(vcpu, gate, target, stack);
    return Outcome::next();
}

Outcome enter_same_level(Vcpu& vcpu, Event const& event, EventFrame saved, Gate gate, HandlerSegment const& target) {
    TRY_GUEST(check_target(target, gate));
    FrameWords frame;
    add_return(frame, vcpu.cpu, event, saved);
    NewStack stack = current_stack(vcpu);
    TRY_GUEST(push_frame(vcpu, stack, frame.words(), gate.width()));
    enter_handler(vcpu, gate, target, stack);
    return Outcome::next();
}

/// The error code goes onto the new task's stack, as wide as its TSS (SDM 2A INT, TASK-GATE).
Outcome deliver_to_task(Vcpu& vcpu, Event const& event, EventFrame saved, Gate gate) {
    TRY_GUEST(switch_through_gate(vcpu, gate, TaskSwitch::interrupt, {saved.eip, saved.eflags}));
    if (!event.has_error) return Outcome::next();
    u32 const words[] = {event.error};
    NewStack stack = current_stack(vcpu);
    TRY_GUEST(push_frame(vcpu, stack, words, tss_is_32bit(vcpu.cpu.seg(SegmentName::tr)) ? 4 : 2));
    enter_stack(vcpu, stack);
    return Outcome::next();
}

} // namespace

Outcome deliver_protected(Vcpu& vcpu, Event const& event, EventFrame frame) {
    Gate gate;
    TRY_GUEST(find_gate(vcpu, event, gate));
    if (gate.type() == SystemType::task_gate) return deliver_to_task(vcpu, event, frame, gate);
    HandlerSegment target;
    TRY_GUEST(find_handler_segment(vcpu, gate, target));
    if (target.cpl < vcpu.cpu.cpl) return enter_inner_level(vcpu, event, frame, gate, target);
    return enter_same_level(vcpu, event, frame, gate, target);
}

} // namespace ring3
