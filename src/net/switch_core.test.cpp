#include "net/switch_core.h"

#include "net/test_station.h"

#include <gtest/gtest.h>

namespace ring3::net {
namespace {

struct Outlet final : SwitchOutlet {
    void deliver(Frame frame) override { frames.emplace_back(frame.bytes.begin(), frame.bytes.end()); }
    std::vector<std::vector<u8>> frames;
};

struct ThreePorts : testing::Test {
    ThreePorts() {
        for (std::size_t i = 0; i < ports.size(); ++i) numbers[i] = core.add({}, ports[i]);
    }
    void send(std::size_t port, MacAddress to, MacAddress from) {
        core.forward(numbers[port], {make_frame(to, from)}, now);
    }
    std::array<std::size_t, 3> counts() const {
        return {ports[0].frames.size(), ports[1].frames.size(), ports[2].frames.size()};
    }
    SwitchCore core;
    std::array<Outlet, 3> ports;
    std::array<PortNumber, 3> numbers{};
    u64 now{SwitchCore::second};
};
using Counts = std::array<std::size_t, 3>;

TEST_F(ThreePorts, an_unknown_address_is_flooded_and_a_known_one_is_not) {
    send(0, test_mac(1), test_mac(0));
    EXPECT_EQ(counts(), (Counts{0, 1, 1}));
    send(1, test_mac(0), test_mac(1)); // 0 was learned from the first frame
    EXPECT_EQ(counts(), (Counts{1, 1, 1}));
    send(0, test_mac(1), test_mac(0));
    EXPECT_EQ(counts(), (Counts{1, 2, 1}));
}

TEST_F(ThreePorts, broadcasts_and_multicasts_go_to_everybody_else) {
    send(2, broadcast_mac, test_mac(2));
    send(2, {{0x01, 0x00, 0x5e, 0, 0, 1}}, test_mac(2));
    EXPECT_EQ(counts(), (Counts{2, 2, 0}));
}

TEST_F(ThreePorts, a_frame_to_somebody_behind_the_same_port_stays_there) {
    send(0, broadcast_mac, test_mac(0));
    send(0, broadcast_mac, test_mac(1));
    send(0, test_mac(1), test_mac(0));
    EXPECT_EQ(counts(), (Counts{0, 2, 2}));
}

TEST_F(ThreePorts, frames_for_the_next_bridge_only_are_not_passed_on) {
    send(0, {{0x01, 0x80, 0xc2, 0, 0, 0x00}}, test_mac(0));
    send(0, {{0x01, 0x80, 0xc2, 0, 0, 0x0f}}, test_mac(0));
    EXPECT_EQ(counts(), (Counts{0, 0, 0}));
    send(0, {{0x01, 0x80, 0xc2, 0, 0, 0x10}}, test_mac(0));
    EXPECT_EQ(counts(), (Counts{0, 1, 1}));
}

TEST_F(ThreePorts, an_address_that_moves_is_found_at_its_new_port) {
    send(0, broadcast_mac, test_mac(7));
    send(1, broadcast_mac, test_mac(7));
    for (auto& port : ports) port.frames.clear();
    send(2, test_mac(7), test_mac(2));
    EXPECT_EQ(counts(), (Counts{0, 1, 0}));
    EXPECT_EQ(core.address_count(), 2u);
}

TEST_F(ThreePorts, an_address_is_forgotten_after_five_minutes_of_silence) {
    send(0, broadcast_mac, test_mac(0));
    now += SwitchCore::forget_after - 1;
    send(1, test_mac(0), test_mac(1));
    EXPECT_EQ(ports[2].frames.size(), 1u); // the broadcast alone
    now += 1;
    send(1, test_mac(0), test_mac(1));
    EXPECT_EQ(ports[2].frames.size(), 2u);
}

TEST_F(ThreePorts, a_group_is_never_learned_as_a_source) {
    send(0, test_mac(1), broadcast_mac);
    EXPECT_EQ(core.address_count(), 0u);
}

TEST_F(ThreePorts, one_port_s_addresses_are_bounded_and_the_others_still_have_room) {
    for (unsigned i = 0; i < 5000; ++i) {
        MacAddress const fake{{2, 0, 0, 0, static_cast<u8>(i >> 8), static_cast<u8>(i)}};
        core.forward(numbers[0], {make_frame(test_mac(1), fake)}, now);
    }
    EXPECT_EQ(core.address_count(), SwitchCore::most_addresses_per_port);
    send(1, broadcast_mac, test_mac(1));
    EXPECT_EQ(core.address_count(), SwitchCore::most_addresses_per_port + 1);
    now += 2 * SwitchCore::forget_after;
    send(0, test_mac(1), test_mac(99)); // room again
    EXPECT_EQ(core.address_count(), 1u);
}

TEST_F(ThreePorts, what_is_no_frame_is_refused_and_counted) {
    std::vector<u8> const runt(13), giant(most_frame + 1), least(14, 0xff);
    core.forward(numbers[0], {runt}, now);
    core.forward(numbers[0], {giant}, now);
    EXPECT_EQ(counts(), (Counts{0, 0, 0}));
    EXPECT_EQ(core.counters(numbers[0]).refused, 2u);
    core.forward(numbers[0], {least}, now);
    EXPECT_EQ(counts(), (Counts{0, 1, 1}));
}

TEST_F(ThreePorts, counters_count_frames_and_bytes_both_ways) {
    send(0, broadcast_mac, test_mac(0));
    EXPECT_EQ(core.counters(numbers[0]).frames_sent, 1u);
    EXPECT_EQ(core.counters(numbers[0]).bytes_sent, 60u);
    EXPECT_EQ(core.counters(numbers[1]).frames_received, 1u);
    EXPECT_EQ(core.counters(numbers[1]).bytes_received, 60u);
}

TEST_F(ThreePorts, a_removed_port_takes_its_addresses_along) {
    send(0, broadcast_mac, test_mac(0));
    core.remove(numbers[0]);
    EXPECT_EQ(core.address_count(), 0u);
    send(0, broadcast_mac, test_mac(0)); // nobody any more
    EXPECT_EQ(core.address_count(), 0u);
}

std::vector<u8> tagged_frame(u16 vlan) {
    auto frame = make_frame(broadcast_mac, test_mac(9), 64);
    put_be16(frame, 12, 0x8100);
    put_be16(frame, 14, vlan);
    put_be16(frame, 16, 0x88b5);
    return frame;
}

TEST(SwitchVlans, separate_the_ports_and_a_trunk_carries_them_tagged) {
    SwitchCore core;
    Outlet red, blue, trunk;
    PortRules trunk_rules;
    trunk_rules.trunk.set(7);
    trunk_rules.trunk.set(8);
    auto const red_port = core.add({.vlan = 7}, red);
    core.add({.vlan = 8}, blue);
    auto const trunk_port = core.add(trunk_rules, trunk);

    auto const plain = make_frame(broadcast_mac, test_mac(1));
    core.forward(red_port, {plain}, 1);
    EXPECT_TRUE(blue.frames.empty());
    ASSERT_EQ(trunk.frames.size(), 1u);
    ASSERT_EQ(trunk.frames[0].size(), plain.size() + 4);
    EXPECT_EQ(be16(trunk.frames[0], 12), 0x8100);
    EXPECT_EQ(be16(trunk.frames[0], 14), 7);
    EXPECT_EQ(be16(trunk.frames[0], 16), 0x88b5);

    core.forward(trunk_port, {tagged_frame(8)}, 1);
    EXPECT_TRUE(red.frames.empty());
    ASSERT_EQ(blue.frames.size(), 1u);
    EXPECT_EQ(blue.frames[0].size(), 60u); // the tag is gone
    EXPECT_EQ(be16(blue.frames[0], 12), 0x88b5);

    core.forward(trunk_port, {tagged_frame(9)}, 1); // not one of its VLANs
    EXPECT_EQ(core.counters(trunk_port).refused, 1u);
    core.forward(red_port, {tagged_frame(7)}, 1); // an access port takes no tags
    EXPECT_EQ(core.counters(red_port).refused, 1u);
    core.forward(red_port, {tagged_frame(0)}, 1); // but for a priority
    EXPECT_EQ(trunk.frames.size(), 2u);
}

TEST(SwitchVlans, the_same_address_in_two_vlans_is_two_addresses) {
    SwitchCore core;
    Outlet a, b, c;
    auto const in_7 = core.add({.vlan = 7}, a);
    auto const in_8 = core.add({.vlan = 8}, b);
    auto const other_in_7 = core.add({.vlan = 7}, c);
    core.forward(in_7, {make_frame(broadcast_mac, test_mac(1))}, 1);
    core.forward(in_8, {make_frame(broadcast_mac, test_mac(1))}, 1);
    core.forward(other_in_7, {make_frame(test_mac(1), test_mac(2))}, 1);
    EXPECT_EQ(a.frames.size(), 1u);
    EXPECT_TRUE(b.frames.empty());
}

TEST(SwitchRates, make_a_port_wait_as_long_as_its_wire_would_be_busy) {
    SwitchCore core;
    Outlet slow, other;
    auto const port = core.add({.bits_per_second = 1'000'000}, slow);
    core.add({}, other);
    u64 const now = 10 * SwitchCore::second;
    auto const frame = make_frame(broadcast_mac, test_mac(1), 1250); // 10,000 bits: 10 ms
    EXPECT_EQ(core.delay(port, now), 0u);
    core.forward(port, {frame}, now); // makes up for the idle time before
    EXPECT_EQ(core.delay(port, now), 0u);
    core.forward(port, {frame}, now);
    EXPECT_EQ(core.delay(port, now), 10'000'000u);
    EXPECT_EQ(core.delay(port, now + 10'000'000), 0u);
    EXPECT_EQ(other.frames.size(), 2u); // nothing is thrown away
}

TEST(SwitchUplinks, are_used_one_at_a_time) {
    SwitchCore core;
    Outlet guest, first, second;
    auto const port = core.add({}, guest);
    auto const first_up = core.add({.uplink = true}, first);
    auto const second_up = core.add({.uplink = true}, second);
    core.forward(port, {make_frame(broadcast_mac, test_mac(1))}, 1);
    core.forward(second_up, {make_frame(broadcast_mac, test_mac(2))}, 1);
    EXPECT_EQ(first.frames.size(), 1u);
    EXPECT_TRUE(second.frames.empty());
    EXPECT_TRUE(guest.frames.empty());
    core.remove(first_up);
    core.forward(port, {make_frame(broadcast_mac, test_mac(1))}, 1);
    EXPECT_EQ(second.frames.size(), 1u);
}

/// Answers each frame at once, as a user network does.
struct Echo final : SwitchOutlet {
    void deliver(Frame frame) override { core->forward(port, {make_frame(source_of(frame.bytes), test_mac(0xee))}, 1); }
    SwitchCore* core{};
    PortNumber port{};
};

TEST(SwitchAnswers, come_after_the_frame_that_they_answer) {
    SwitchCore core;
    Outlet asker, listener;
    Echo echo;
    auto const port = core.add({}, asker);
    echo.core = &core;
    echo.port = core.add({}, echo);
    core.add({}, listener);
    core.forward(port, {make_frame(broadcast_mac, test_mac(1), 100)}, 1);
    ASSERT_EQ(listener.frames.size(), 1u);
    EXPECT_EQ(listener.frames[0].size(), 100u);
    ASSERT_EQ(asker.frames.size(), 1u);
    EXPECT_EQ(source_of(asker.frames[0]), test_mac(0xee));
}

} // namespace
} // namespace ring3::net
