// Host time: the monotonic clock and the time-stamp counter.
#pragma once

#include "base/types.h"

namespace ring3::host {

/// Nanoseconds on CLOCK_MONOTONIC.
u64 monotonic_nanoseconds();

/// The processor's time-stamp counter (SDM 3B 18.17).
u64 read_tsc();

/// The TSC's frequency in kHz, measured against the monotonic clock; takes about 20 ms the first time.
/// To be called before the process confines itself.
u64 tsc_khz();

/// Seconds since 1970-01-01 00:00 UTC.
u64 wall_clock_seconds();

} // namespace ring3::host
