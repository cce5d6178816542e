// The two layouts of a task-state segment, and what a task switch reads and writes of them (SDM 3A figures 7-2, 7-10).
#pragma once

#include "monitor/interpreter/task.h"

namespace ring3 {

/// SDM 3A figure 7-2. Offsets in bytes; general registers follow each other in the order EAX ... EDI.
struct Tss32 {
    static constexpr u32 cr3 = 0x1c, eip = 0x20, eflags = 0x24, gpr = 0x28, segments = 0x48, ldt = 0x60, trap = 0x64,
                         io_map = 0x66, limit = 0x67;
};
/// SDM 3A figure 7-10.
struct Tss16 {
    static constexpr u32 ip = 0x0e, flags = 0x10, gpr = 0x12, segments = 0x22, ldt = 0x2a, limit = 0x2b;
};

/// A task's registers as its TSS holds them.
struct TaskImage {
    u32 eip{}, eflags{}, cr3{};
    u32 gpr[8]{};
    Selector segment[6]{}; // ES CS SS DS FS GS
    Selector ldt{};
    bool debug_trap{}; // T: #DB as soon as the task is entered
};

/// Stores the current registers in the outgoing task's TSS (its dynamic fields only).
Outcome save_task(Vcpu& vcpu, Segment const& tss, SavedContext saved);
Outcome read_task(Vcpu& vcpu, Segment const& tss, TaskImage& out);

} // namespace ring3
