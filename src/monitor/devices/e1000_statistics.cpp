#include "monitor/devices/e1000_statistics.h"

#include <algorithm>
#include <limits>

namespace ring3 {

namespace {
constexpr u32 most = std::numeric_limits<u32>::max();
constexpr std::size_t check_sequence = 4;
constexpr std::array<u8, 6> broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/// Counters of two dwords, of which reading the upper one clears both (13.7).
bool is_upper_half(u32 offset) {
    return offset == E1000Statistics::good_octets_received + 4 || offset == E1000Statistics::good_octets_sent + 4 ||
           offset == E1000Statistics::total_octets_received + 4 || offset == E1000Statistics::total_octets_sent + 4;
}
bool is_lower_half(u32 offset) {
    return is_upper_half(offset + 4);
}
} // namespace

u32 E1000Statistics::read(u32 offset) {
    u32& counter = counters_[offset / 4 % counters_.size()];
    u32 const value = counter;
    if (is_upper_half(offset)) counters_[offset / 4 - 1] = 0;
    if (!is_lower_half(offset)) counter = 0;
    return value;
}

void E1000Statistics::add(Counter counter, u32 count) {
    u32& value = counters_[counter / 4];
    value += std::min(count, most - value);
}

void E1000Statistics::add_octets(Counter low, u64 octets) {
    u32 &lower = counters_[low / 4], &upper = counters_[low / 4 + 1];
    u64 const before = u64{upper} << 32 | lower;
    u64 const sum = before + std::min(octets, std::numeric_limits<u64>::max() - before);
    lower = static_cast<u32>(sum);
    upper = static_cast<u32>(sum >> 32);
}

/// 64, 65-127, 128-255, 256-511, 512-1023, 1024 and more.
E1000Statistics::Counter E1000Statistics::by_size(Counter first, std::size_t bytes) {
    unsigned step = 0;
    for (std::size_t limit = 64; step < 5 && bytes > limit; ++step) limit = limit == 64 ? 127 : limit * 2 + 1;
    return static_cast<Counter>(first + 4 * step);
}

void E1000Statistics::count_received(std::span<u8 const> frame) {
    std::size_t const bytes = frame.size() + check_sequence;
    add(total_received);
    add(received_good);
    add(by_size(received_64, bytes));
    add_octets(total_octets_received, bytes);
    add_octets(good_octets_received, bytes);
    if (std::ranges::equal(frame.first(6), broadcast))
        add(received_broadcast);
    else if (frame[0] & 1)
        add(received_multicast);
}

void E1000Statistics::count_sent(std::span<u8 const> frame, u32 packets) {
    std::size_t const bytes = frame.size() + packets * check_sequence;
    add(total_sent, packets);
    add(sent_good, packets);
    if (packets == 1) add(by_size(sent_64, bytes));
    add_octets(total_octets_sent, bytes);
    add_octets(good_octets_sent, bytes);
    if (std::ranges::equal(frame.first(6), broadcast))
        add(sent_broadcast);
    else if (frame[0] & 1)
        add(sent_multicast);
}

} // namespace ring3
