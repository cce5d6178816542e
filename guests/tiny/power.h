// The end.
#pragma once

#include "text.h"

namespace tiny {

/// ACPI soft-off. On a board whose PM block is elsewhere: halts.
[[noreturn]] void power_off();

/// The debug-exit device of emulators at port F4H: the emulator ends with status (value << 1) + 1. Where there is none,
/// the power goes off after a second. The timer runs.
[[noreturn]] void debug_exit(u32 value);

[[noreturn]] void panic(Text why);

} // namespace tiny
