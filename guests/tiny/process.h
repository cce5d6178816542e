// The kernel's side of the task: system calls, and its end.
#pragma once

#include "types.h"

namespace tiny {

struct TaskResult {
    u32 status;       // what it passed to exit, if it did
    bool was_stopped; // for a page fault
    u32 system_calls;
};

enum class Behaviour : u32 { honest, trespassing };

/// Runs the task in ring 3 to its end. Paging and the timer are on.
TaskResult run_task(Behaviour behaviour);

} // namespace tiny
