// Far RET (SDM 2B RET; 3A 5.8.6).
#include "monitor/interpreter/far_transfer.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

Outcome return_real(Vcpu& vcpu, FarPointer to, u32 frame_bytes) {
    TRY_GUEST(enter_real_target(vcpu, to));
    drop_frame(vcpu, frame_bytes);
    return Outcome::leave();
}

Outcome return_protected(Vcpu& vcpu, FarPointer to, unsigned width, u32 release) {
    CodeTarget target;
    TRY_GUEST(check_return_target(vcpu, to, target));
    u32 const frame_bytes = 2 * width + release;
    if (target.cpl == vcpu.cpu.cpl) {
        TRY_GUEST(check_offset(target));
        enter_target(vcpu, target);
        drop_frame(vcpu, frame_bytes);
        return Outcome::leave();
    }
    u32 stack[2];
    TRY_GUEST(read_frame(vcpu, stack, width, frame_bytes));
    TRY_GUEST(return_to_outer_level(vcpu, target, {{{static_cast<u16>(stack[1])}}, stack[0]}, release));
    return Outcome::leave();
}

} // namespace

Outcome ret_far(Vcpu& vcpu, insn::Insn const& insn) {
    bool const releases = insn.shape == insn::Shape::i;
    u32 const release = releases ? static_cast<u32>(insn.imm & 0xffff) : 0;
    unsigned const width = insn.operand_size;
    u32 frame[2];
    TRY_GUEST(read_frame(vcpu, frame, width, 0));
    FarPointer const to{{{static_cast<u16>(frame[1])}}, frame[0]};
    if (vcpu.cpu.uses_descriptors()) return return_protected(vcpu, to, width, release);
    return return_real(vcpu, to, 2 * width + release);
}

} // namespace ring3
