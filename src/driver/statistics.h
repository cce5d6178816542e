// Statistics: counters that a monitor keeps in memory shared with the app, so that looking at them costs it nothing.
// The app shows them and decides nothing by them: a hostile monitor can only lie about itself.
#pragma once

#include "base/types.h"

#include <atomic>

namespace ring3::driver {

struct Statistics {
    std::atomic<u64> instructions{};        // guest instructions executed
    std::atomic<u64> exceptions{};          // delivered to the guest
    std::atomic<u64> interrupts{};          // accepted by the guest
    std::atomic<u64> port_accesses{};       // IN and OUT that reached a device
    std::atomic<u64> halted_nanoseconds{};  // host time asleep in HLT
    std::atomic<u64> virtual_nanoseconds{}; // guest time since power-on
};

} // namespace ring3::driver
