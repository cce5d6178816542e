// The timer: interrupt 0, from the 8254's counter 0 by way of the 8259A pair.
#pragma once

#include "types.h"

namespace tiny {

/// Sets up the interrupt controllers with only the timer let through, and the timer to `hertz` interrupts a second.
void start_timer(u32 hertz);
/// How many came so far.
u32 ticks();
/// Sleeps, with HLT, until `count` more have come.
void wait_ticks(u32 count);

} // namespace tiny
