// Statistics: counters that a monitor keeps in memory shared with the app, so that looking at them costs it nothing.
// The app shows them and decides nothing by them: a hostile monitor can only lie about itself.
#pragma once

#include "base/types.h"
#include "driver/engine_statistics.h"

#include <array>
#include <atomic>
#include <bit>

namespace ring3::driver {

struct Statistics {
    std::atomic<u64> instructions{};        // guest instructions executed
    std::atomic<u64> exceptions{};          // delivered to the guest
    std::atomic<u64> interrupts{};          // accepted by the guest
    std::atomic<u64> port_accesses{};       // IN and OUT that were executed
    std::atomic<u64> halted_nanoseconds{};  // host time asleep in HLT
    std::atomic<u64> virtual_nanoseconds{}; // guest time since power-on

    /// EngineStatistics as the words that it is made of, in its order: each is whole whenever the app looks, though one
    /// may be newer than another.
    using EngineWords = std::array<u64, sizeof(EngineStatistics) / sizeof(u64)>;
    std::array<std::atomic<u64>, std::tuple_size_v<EngineWords>> engine_words{};

    /// The monitor's word on its engine, all of it; the last one stays, also after the monitor's death.
    void publish(EngineStatistics const& engine);
    EngineStatistics engine() const;
};

inline void Statistics::publish(EngineStatistics const& engine) {
    auto const words = std::bit_cast<EngineWords>(engine);
    for (std::size_t i = 0; i < words.size(); ++i) engine_words[i].store(words[i], std::memory_order_relaxed);
}

inline EngineStatistics Statistics::engine() const {
    EngineWords words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = engine_words[i].load(std::memory_order_relaxed);
    return std::bit_cast<EngineStatistics>(words);
}

} // namespace ring3::driver
