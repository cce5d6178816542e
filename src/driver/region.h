// Region: the layout of the memory that app and monitor share. Private to the driver.
#pragma once

#include "base/block.h"
#include "base/trace.h"
#include "driver/ring.h"
#include "driver/statistics.h"

#include <array>

namespace ring3::driver {

struct Region {
    static constexpr std::size_t to_app_bytes = 1 << 20;
    static constexpr std::size_t to_monitor_bytes = 1 << 20;

    RingPositions to_app;
    RingPositions to_monitor;
    alignas(64) std::atomic<u32> attention;          // app -> monitor: look at your ring
    alignas(64) std::atomic<u32> app_sleeps;         // the app asks to be woken at the next message
    alignas(64) std::atomic<u32> monitor_wants_room; // the monitor found to_app full
    alignas(64) Statistics statistics;
    alignas(64) TraceRing trace;
    alignas(4096) std::array<u8, to_app_bytes> to_app_ring;
    alignas(4096) std::array<u8, to_monitor_bytes> to_monitor_ring;
    alignas(4096)
        std::array<std::array<u8, disk_buffer_bytes>, max_disks> disk_buffers; // pages that nobody uses cost nothing
};

} // namespace ring3::driver
