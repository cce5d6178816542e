// INT n, INT3, INTO, INT1 (SDM 2A INT; 3B 20.3.3 for virtual-8086 mode).
#include "monitor/interpreter/event.h"
#include "monitor/interpreter/port_permission.h"
#include "monitor/interpreter/stack_frame.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

Outcome raise(Vcpu& vcpu, u8 vector, EventKind kind) {
    TRY_GUEST(vcpu.deliver(vector, kind, false, 0));
    return Outcome::leave();
}

/// Methods 5 and 6 of SDM 3B table 20-2: the 8086 program handles it itself, through its own vector table at linear
/// address 0. Below IOPL 3 it sees VIF in IF's place, and IOPL as 3.
Outcome redirect(Vcpu& vcpu, u8 vector) {
    GuestCpu& cpu = vcpu.cpu;
    bool const trusted = cpu.eflags.get<Eflags::IOPL>() == 3;
    u32 pointer = 0;
    TRY_GUEST(vcpu.load_system({vector * 4u}, pointer));
    Eflags image = cpu.eflags.with<Eflags::NT>(0);
    if (!trusted) image = image.with<Eflags::IOPL>(3).with<Eflags::IF>(cpu.eflags.get<Eflags::VIF>());
    u32 const words[] = {image.raw, cpu.seg(SegmentName::cs).selector.raw, static_cast<u32>(vcpu.next_eip)};
    NewStack stack = current_stack(vcpu);
    TRY_GUEST(push_frame(vcpu, stack, words, 2));
    enter_stack(vcpu, stack);
    cpu.seg(SegmentName::cs) = Segment::virtual8086(static_cast<u16>(pointer >> 16));
    cpu.eflags = trusted ? cpu.eflags.with<Eflags::IF>(0) : cpu.eflags.with<Eflags::VIF>(0);
    cpu.eflags = cpu.eflags.with<Eflags::TF>(0).with<Eflags::NT>(0);
    commit_eip(vcpu, pointer & 0xffff);
    return Outcome::leave();
}

Outcome int_virtual8086(Vcpu& vcpu, u8 vector) {
    GuestCpu const& cpu = vcpu.cpu;
    if (cpu.cr4.has<Cr4::VME>()) {
        bool to_program = false;
        TRY_GUEST(interrupt_is_redirected(vcpu, vector, to_program));
        if (to_program) return redirect(vcpu, vector);
    }
    if (cpu.eflags.get<Eflags::IOPL>() < 3) return general_protection();
    return raise(vcpu, vector, EventKind::software);
}

} // namespace

Outcome int_n(Vcpu& vcpu, insn::Insn const& insn) {
    u8 const vector = static_cast<u8>(insn.imm);
    if (vcpu.cpu.virtual8086()) return int_virtual8086(vcpu, vector);
    return raise(vcpu, vector, EventKind::software);
}

Outcome int3(Vcpu& vcpu, insn::Insn const&) {
    return raise(vcpu, static_cast<u8>(Vector::bp), EventKind::software);
}

Outcome int1(Vcpu& vcpu, insn::Insn const&) {
    return raise(vcpu, static_cast<u8>(Vector::db), EventKind::icebp);
}

Outcome into(Vcpu& vcpu, insn::Insn const&) {
    if (!vcpu.cpu.eflags.has<Eflags::OF>()) return Outcome::next();
    return raise(vcpu, static_cast<u8>(Vector::of), EventKind::software);
}

} // namespace ring3
