// The task that runs in ring 3, and what it can ask of the kernel.
#pragma once

#include "types.h"

namespace tiny {

/// System calls: INT 80H with the number in EAX, arguments in EBX and ECX, the result in EAX.
enum class SystemCall : u32 {
    write = 1, // EBX: address, ECX: length; result: bytes written, or ~0 if they are not all the task's own
    ticks = 2, // result: timer interrupts so far
    exit = 3,  // EBX: status
};

/// Where the task starts. It and all that it uses lie between user_begin and user_end (kernel.ld).
void task_main(u32 trespasses);
/// Top of its stack.
u32 task_stack();

} // namespace tiny
