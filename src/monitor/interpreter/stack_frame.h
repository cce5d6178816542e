// Frames on stacks: what far transfers and event delivery push and pop at once.
//
// An instruction that pushes several words must not leave half of them accounted for. NewStack writes a whole frame to
// a stack that need not be the current one yet, and tells the new top; the caller loads SS and ESP when nothing can
// fault any more. read_frame() looks at the current stack without popping.
#pragma once

#include "monitor/interpreter/protection.h"

namespace ring3 {

/// A stack that will become (or is) the current one.
struct NewStack {
    Segment segment{};
    u32 top{};
    Privilege privilege{Privilege::supervisor};
    u16 error{}; // error code of its #SS: 0, or SS's selector if the stack is switched

    u32 mask() const { return segment.is_32bit() ? 0xffff'ffffu : 0xffffu; }
};

/// The stack in use, for transfers that stay on it.
NewStack current_stack(Vcpu const& vcpu);

/// Pushes `values`, the first one first, each `width` (2 or 4) bytes; moves `stack.top`.
/// #SS(stack.error) if the frame does not fit the segment; then nothing was written.
Outcome push_frame(Vcpu& vcpu, NewStack& stack, std::span<u32 const> values, unsigned width);

/// Makes the stack current: SS, and SP or ESP as SS.B says.
void enter_stack(Vcpu& vcpu, NewStack const& stack);

/// Reads `values.size()` words of `width` bytes from the current stack, `skip` bytes above its top. #SS(0).
Outcome read_frame(Vcpu& vcpu, std::span<u32> values, unsigned width, u32 skip);
/// Moves the stack pointer over what was read.
void drop_frame(Vcpu& vcpu, u32 bytes);

/// SS and ESP for privilege level `level`, from the current TSS, not yet checked (SDM 3A 8.2.1).
struct StackPointer {
    Selector ss{};
    u32 esp{};
};
Outcome inner_stack_pointer(Vcpu& vcpu, unsigned level, StackPointer& out);
/// The same, checked as SDM 2A INT and CALL demand: #TS, or #SS if not present.
Outcome inner_stack(Vcpu& vcpu, unsigned level, NewStack& out);

} // namespace ring3
