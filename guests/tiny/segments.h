// Segments (SDM 3A 3.4): five flat ones, since paging does the protecting, and the task state segment, of which the
// processor only takes the stack for interrupts that arrive in ring 3.
#pragma once

#include "types.h"

namespace tiny {

// Selectors. switch.S and vectors.S use the same numbers.
constexpr u16 kernel_code = 0x08, kernel_data = 0x10, user_code = 0x18 | 3, user_data = 0x20 | 3, task_state = 0x28;

/// Loads the global descriptor table, all segment registers, and the task register.
void load_segments();

} // namespace tiny
