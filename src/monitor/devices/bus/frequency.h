// A clock input in ticks of virtual time: how many ticks have passed, and when the n-th one comes.
#pragma once

#include "monitor/devices/bus/clock.h"

namespace ring3 {

/// Exact for any u64 of nanoseconds (584 years) and frequencies below 18 GHz: no rounding accumulates.
struct Frequency {
    u64 hertz{};

    static constexpr u64 second = 1'000'000'000;

    /// Whole ticks from power-on until `time`.
    constexpr u64 ticks(Nanoseconds time) const { return time / second * hertz + time % second * hertz / second; }
    /// The first nanosecond at which ticks() is `tick`.
    constexpr Nanoseconds time_of(u64 tick) const {
        return tick / hertz * second + (tick % hertz * second + hertz - 1) / hertz;
    }
};

} // namespace ring3
