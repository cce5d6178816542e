// The statistics registers of an 82540EM: 64 counters at 4000h that stay at their largest value, and are 0 once they have
// been read. Source: 317453 13.7.
#pragma once

#include "base/types.h"

#include <array>
#include <span>

namespace ring3 {

class E1000Statistics {
public:
    static constexpr u32 base = 0x4000, size = 0x100;
    /// Offsets from `base`.
    enum Counter : u8 {
        missed = 0x10,        // MPC
        received_64 = 0x5c,   // PRC64, and five larger sizes behind it
        received_good = 0x74, // GPRC
        received_broadcast = 0x78,
        received_multicast = 0x7c,
        sent_good = 0x80, // GPTC
        good_octets_received = 0x88,
        good_octets_sent = 0x90,
        no_buffers = 0xa0, // RNBC
        too_long = 0xac,   // ROC
        total_octets_received = 0xc0,
        total_octets_sent = 0xc8,
        total_received = 0xd0, // TPR
        total_sent = 0xd4,     // TPT
        sent_64 = 0xd8,        // PTC64, and five larger sizes behind it
        sent_multicast = 0xf0,
        sent_broadcast = 0xf4,
        segmentations = 0xf8 // TSCTC
    };

    u32 read(u32 offset);
    void add(Counter counter, u32 count = 1);
    /// What went over the wire: a frame of that size, without its check sequence.
    void count_received(std::span<u8 const> frame);
    void count_sent(std::span<u8 const> frame, u32 packets);
    void reset() { counters_ = {}; }

    void visit(auto&& archive) { archive("e1000.statistics", counters_); }

private:
    void add_octets(Counter low, u64 octets);
    static Counter by_size(Counter first, std::size_t bytes);
    std::array<u32, size / 4> counters_{};
};

} // namespace ring3
