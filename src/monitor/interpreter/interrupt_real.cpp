// Events in real-address mode: through the interrupt vector table (SDM 3B 21.1.4; 2A INT).
#include "monitor/interpreter/event.h"
#include "monitor/interpreter/stack_frame.h"

namespace ring3 {

Outcome deliver_real_mode(Vcpu& vcpu, Event const& event, EventFrame frame) {
    GuestCpu& cpu = vcpu.cpu;
    u32 const entry = event.vector * 4u;
    if (entry + 3 > cpu.idtr.limit) return Outcome::fault(Vector::gp, 0);
    u32 pointer = 0;
    TRY_GUEST(vcpu.load_system({u32(cpu.idtr.base + entry)}, pointer));

    // No error code is pushed: the 8086 knew none.
    u32 const words[] = {frame.eflags, cpu.seg(SegmentName::cs).selector.raw, frame.eip};
    NewStack stack = current_stack(vcpu);
    TRY_GUEST(push_frame(vcpu, stack, words, 2));
    enter_stack(vcpu, stack);
    cpu.seg(SegmentName::cs).load_real_mode(static_cast<u16>(pointer >> 16));
    cpu.eflags.raw &= ~static_cast<u32>(mask_of<Eflags::IF, Eflags::TF, Eflags::RF, Eflags::AC>());
    commit_eip(vcpu, pointer & 0xffff);
    return Outcome::next();
}

} // namespace ring3
