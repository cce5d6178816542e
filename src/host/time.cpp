#include "host/time.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <x86intrin.h>

namespace ring3::host {

namespace {

struct Sample {
    u64 tsc;
    u64 nanoseconds;
};

/// Clock and counter read together: the tightest of a few attempts, so that a preemption in between does not count.
Sample sample_both() {
    Sample best{};
    u64 best_width = std::numeric_limits<u64>::max();
    for (int attempt = 0; attempt < 16; ++attempt) {
        u64 const before = read_tsc();
        u64 const now = monotonic_nanoseconds();
        u64 const width = read_tsc() - before;
        if (width >= best_width) continue;
        best_width = width;
        best = {before + width / 2, now};
    }
    return best;
}

u64 measure_tsc_khz() {
    Sample const first = sample_both();
    timespec const pause{0, 20'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
    Sample const second = sample_both();
    u64 const elapsed = std::max<u64>(second.nanoseconds - first.nanoseconds, 1);
    return (second.tsc - first.tsc) * 1'000'000 / elapsed;
}

} // namespace

u64 monotonic_nanoseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

u64 read_tsc() {
    return __rdtsc();
}

u64 tsc_khz() {
    static u64 const khz = measure_tsc_khz();
    return khz;
}

u64 wall_clock_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<u64>(now.tv_sec);
}

} // namespace ring3::host
