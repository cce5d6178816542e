// Frames on stacks (SDM 1 6.4.4-6.4.6, 3A 5.8.5 and 6.12.1).
#include "monitor/interpreter/stack_frame.h"

#include "monitor/interpreter/task.h"

namespace ring3 {

NewStack current_stack(Vcpu const& vcpu) {
    return {vcpu.cpu.seg(SegmentName::ss), vcpu.stack_pointer(), vcpu.privilege(), 0};
}

static bool fits(Segment const& segment, u32 offset, unsigned width) {
    bool const whole = segment.lowest == 0 && segment.highest == 0xffff'ffff; // may wrap
    return segment.writable && (whole || (offset >= segment.lowest && u64{offset} + width - 1 <= segment.highest));
}

static Outcome write_word(Vcpu& vcpu, Linear address, Privilege privilege, u32 value, unsigned width) {
    if (width == 2) return vcpu.mmu.write(address, privilege, static_cast<u16>(value));
    return vcpu.mmu.write(address, privilege, value);
}

Outcome push_frame(Vcpu& vcpu, NewStack& stack, std::span<u32 const> values, unsigned width) {
    u32 const mask = stack.mask();
    u32 top = stack.top;
    for (std::size_t i = 0; i < values.size(); ++i) {
        top = (top - width) & mask;
        if (!fits(stack.segment, top, width)) return Outcome::fault(Vector::ss, stack.error);
    }
    top = stack.top;
    for (u32 const value : values) {
        top = (top - width) & mask;
        TRY_GUEST(write_word(vcpu, {u32(stack.segment.base + top)}, stack.privilege, value, width));
    }
    stack.top = top;
    return Outcome::next();
}

void enter_stack(Vcpu& vcpu, NewStack const& stack) {
    vcpu.cpu.seg(SegmentName::ss) = stack.segment;
    vcpu.set_stack_pointer(stack.top);
}

Outcome read_frame(Vcpu& vcpu, std::span<u32> values, unsigned width, u32 skip) {
    u32 offset = static_cast<u32>(vcpu.cpu.gpr[esp]) + skip;
    for (u32& value : values) {
        u32 const here = offset & vcpu.stack_mask();
        if (width == 2) {
            u16 word = 0;
            TRY_GUEST(vcpu.load(SegmentName::ss, here, word));
            value = word;
        } else {
            TRY_GUEST(vcpu.load(SegmentName::ss, here, value));
        }
        offset += width;
    }
    return Outcome::next();
}

void drop_frame(Vcpu& vcpu, u32 bytes) {
    vcpu.set_stack_pointer(static_cast<u32>(vcpu.cpu.gpr[esp]) + bytes);
}

Outcome inner_stack_pointer(Vcpu& vcpu, unsigned level, StackPointer& out) {
    Segment const& tr = vcpu.cpu.seg(SegmentName::tr);
    bool const wide = tss_is_32bit(tr);
    u32 const offset = wide ? level * 8 + 4 : level * 4 + 2;
    u32 const last = offset + (wide ? 5 : 3);
    if (!tr.is_usable() || last > tr.limit) return selector_fault(Vector::ts, tr.selector);
    Linear const address{u32(tr.base + offset)};
    u16 narrow_sp = 0;
    if (wide) {
        TRY_GUEST(vcpu.load_system(address, out.esp));
    } else {
        TRY_GUEST(vcpu.load_system(address, narrow_sp));
        out.esp = narrow_sp;
    }
    return vcpu.load_system({u32(address.raw + (wide ? 4 : 2))}, out.ss.raw);
}

Outcome inner_stack(Vcpu& vcpu, unsigned level, NewStack& out) {
    StackPointer pointer;
    TRY_GUEST(inner_stack_pointer(vcpu, level, pointer));
    TRY_GUEST(check_stack_segment(vcpu, pointer.ss, level, Vector::ts, out.segment));
    out.top = pointer.esp & out.mask();
    out.privilege = privilege_of(level);
    out.error = pointer.ss.error_code();
    return Outcome::next();
}

} // namespace ring3
