// What is left of a BIOS's run-time part: a real-mode vector table whose entries lead somewhere harmless.
//
// A kernel that goes to real mode without handlers of its own and halts there waits for the timer's next tick, as PC
// firmware leaves the timer running. There are no BIOS services: any other interrupt just returns.
#pragma once

#include "base/types.h"

#include <vector>

namespace ring3::boot {

/// The table that real mode finds at gpa 0 (SDM 3B 21.1.4): 256 far pointers.
inline constexpr u32 interrupt_vectors = 0;
std::vector<u8> make_interrupt_vectors();

/// The code they point to, in segment F000H; from this gpa on.
inline constexpr u32 interrupt_handlers = 0xf'ff00;
std::vector<u8> make_interrupt_handlers();

} // namespace ring3::boot
