// A station that keeps what arrives, and an event loop, for tests of back ends.
#pragma once

#include "net/backend.h"

#include <chrono>
#include <functional>
#include <initializer_list>

namespace ring3::net {

struct TestStation final : Station {
    bool ready() const override { return takes; }
    void arrive(Frame frame) override { frames.emplace_back(frame.bytes.begin(), frame.bytes.end()); }
    void backend_ready() override { ++times_ready; }
    bool takes{true};
    unsigned times_ready{};
    std::vector<std::vector<u8>> frames;
};

/// Turns the loop until the condition holds; false if it does not within five seconds.
inline bool turn_until(std::initializer_list<PollClient*> clients, std::function<bool()> const& condition) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::vector<pollfd> entries;
        std::vector<std::size_t> starts;
        int timeout = 10;
        for (PollClient* client : clients) {
            starts.push_back(entries.size());
            client->prepare(entries, timeout);
        }
        starts.push_back(entries.size());
        ::poll(entries.data(), entries.size(), timeout);
        std::size_t i = 0;
        for (PollClient* client : clients) {
            client->dispatch(std::span{entries}.subspan(starts[i], starts[i + 1] - starts[i]));
            ++i;
        }
    }
    return true;
}

inline std::vector<u8> make_frame(MacAddress destination, MacAddress source, std::size_t bytes = 60, u8 filler = 0) {
    std::vector<u8> frame(bytes, filler);
    for (std::size_t i = 0; i < 6; ++i) frame[i] = destination.bytes[i], frame[6 + i] = source.bytes[i];
    put_be16(frame, 12, 0x88b5); // IEEE 802: for local experiments
    return frame;
}

inline constexpr MacAddress broadcast_mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr MacAddress test_mac(u8 number) {
    return {{0x52, 0x54, 0x00, 0x12, 0x34, number}};
}

} // namespace ring3::net
