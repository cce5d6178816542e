// Tasks: TSS descriptors, task gates, task switches (SDM 3A 7).
#pragma once

#include "monitor/interpreter/protection.h"

namespace ring3 {

/// What makes the switch: decides busy bits, the back link and NT (SDM 3A table 7-2).
enum class TaskSwitch : u8 { jump, call, interrupt, iret };

/// What the outgoing task's TSS will say.
struct SavedContext {
    u32 eip{};
    u32 eflags{};
};

inline bool tss_is_32bit(Segment const& tr) {
    return (tr.rights.get<SegmentRights::Type>() & 8) != 0;
}

/// The TSS that a far transfer or gate names: in the GDT, available, present. `broken_rule` is #GP, or #TS in IRET.
Outcome find_available_tss(Vcpu& vcpu, Selector selector, Descriptor& out);
/// The TSS that a task gate names, once the gate's own privilege and presence were checked.
Outcome switch_through_gate(Vcpu& vcpu, Gate gate, TaskSwitch how, SavedContext saved);

/// Switches to the task of `descriptor`, already checked for type and presence. Commits eip. Faults that are found
/// after the new task's registers were loaded belong to the new task.
Outcome switch_task(Vcpu& vcpu, Selector selector, Descriptor descriptor, TaskSwitch how, SavedContext saved);

/// IRET with NT set: back to the task that the current TSS links to.
Outcome return_to_linked_task(Vcpu& vcpu, SavedContext saved);

} // namespace ring3
