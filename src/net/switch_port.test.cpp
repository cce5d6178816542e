#include "net/switch_port.h"

#include "net/addresses.h"
#include "net/test_station.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace ring3::net {
namespace {

struct SharedSwitch : testing::Test {
    SharedSwitch() {
        std::string pattern = testing::TempDir() + "ring3-switch-XXXXXX";
        folder = ::mkdtemp(pattern.data());
    }
    ~SharedSwitch() override { std::filesystem::remove_all(folder); }
    std::unique_ptr<SwitchPort> open(TestStation& station, PortRules rules = {}) {
        auto port = SwitchPort::open(
            {"lab", rules}, [this](std::string text) { complaints.push_back(text); }, folder);
        EXPECT_TRUE(port) << port.error().message;
        (*port)->connect(station);
        return *std::move(port);
    }
    /// Until the server has heard of everybody.
    static void settle(std::initializer_list<PollClient*> ports) {
        turn_until(ports, [turns = 0]() mutable { return turns++ > 6; });
    }
    std::string folder;
    std::vector<std::string> complaints;
    TestStation a, b, c;
};

TEST_F(SharedSwitch, the_first_port_serves_and_the_others_connect) {
    auto const first = open(a), second = open(b), third = open(c);
    EXPECT_TRUE(first->serves());
    EXPECT_FALSE(second->serves());
    settle({first.get(), second.get(), third.get()});
    second->send({make_frame(broadcast_mac, test_mac(2), 60, 0x22)});
    auto const both_have = [&] { return a.frames.size() == 1 && c.frames.size() == 1; };
    EXPECT_TRUE(turn_until({first.get(), second.get(), third.get()}, both_have));
    EXPECT_TRUE(b.frames.empty());
    EXPECT_EQ(a.frames[0][59], 0x22);
    first->send({make_frame(test_mac(2), test_mac(1))}); // learned
    EXPECT_TRUE(turn_until({first.get(), second.get(), third.get()}, [&] { return b.frames.size() == 1; }));
    EXPECT_EQ(c.frames.size(), 1u);
}

TEST_F(SharedSwitch, when_the_server_goes_another_one_serves) {
    auto first = open(a);
    auto const second = open(b), third = open(c);
    first.reset();
    auto const somebody_serves = [&] { return second->serves() != third->serves(); };
    EXPECT_TRUE(turn_until({second.get(), third.get()}, somebody_serves));
    auto const arrived = [&] {
        if (c.frames.empty()) second->send({make_frame(broadcast_mac, test_mac(2))});
        return !c.frames.empty();
    };
    EXPECT_TRUE(turn_until({second.get(), third.get()}, arrived));
    EXPECT_TRUE(complaints.empty());
}

TEST_F(SharedSwitch, leaves_no_file_behind) {
    {
        auto const port = SwitchPort::open(
            {"clean", {}}, [](std::string const&) {}, folder);
        ASSERT_TRUE(port && (*port)->serves());
        EXPECT_FALSE(std::filesystem::is_empty(folder));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(SharedSwitch, a_station_that_is_not_ready_gets_its_frames_later) {
    auto const first = open(a), second = open(b);
    settle({first.get(), second.get()});
    b.takes = false;
    first->send({make_frame(broadcast_mac, test_mac(1))});
    settle({first.get(), second.get()});
    EXPECT_TRUE(b.frames.empty());
    b.takes = true;
    EXPECT_TRUE(turn_until({first.get(), second.get()}, [&] { return b.frames.size() == 1; }));
}

TEST_F(SharedSwitch, a_flood_fills_the_socket_and_holds_the_sender_back) {
    auto const first = open(a), second = open(b);
    std::size_t sent = 0;
    for (; second->ready() && sent < 100'000; ++sent) second->send({make_frame(test_mac(1), test_mac(2), 1514)});
    EXPECT_LT(sent, 100'000u); // nobody has read
    EXPECT_TRUE(turn_until({first.get(), second.get()}, [&] { return a.frames.size() == sent; }));
    EXPECT_TRUE(second->ready());
    EXPECT_GE(b.times_ready, 1u);
}

TEST_F(SharedSwitch, rules_travel_to_the_server) {
    PortRules limited{.vlan = 5, .bits_per_second = 64'000};
    limited.trunk.set(6);
    auto const bytes = switch_wire::rules_to_bytes(limited);
    auto const back = switch_wire::rules_from_bytes(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->vlan, 5);
    EXPECT_EQ(back->bits_per_second, 64'000u);
    EXPECT_EQ(back->trunk, limited.trunk);
    auto const first = open(a, {.vlan = 5}), second = open(b, {.vlan = 6});
    settle({first.get(), second.get()});
    second->send({make_frame(broadcast_mac, test_mac(2))});
    first->send({make_frame(broadcast_mac, test_mac(1))});
    settle({first.get(), second.get()});
    EXPECT_TRUE(a.frames.empty());
    EXPECT_TRUE(b.frames.empty());
}

TEST_F(SharedSwitch, a_client_that_speaks_nonsense_is_turned_away) {
    auto const first = open(a);
    auto const path = *switch_path(folder, "lab") + ".socket";
    auto const address = unix_address(path);
    ASSERT_TRUE(address);
    std::vector<std::vector<u8>> const nonsense{
        {}, {2, 0, 0, 0, 1, 2, 3}, {1, 0, 0, 0, 99}, std::vector<u8>(70'000, 2)};
    for (auto const& packet : nonsense) {
        host::FileDescriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0)};
        ASSERT_EQ(::connect(socket.number(), address->get(), address->length), 0);
        ::send(socket.number(), packet.data(), packet.size(), MSG_NOSIGNAL);
        char byte{};
        auto const closed = [&] { return ::recv(socket.number(), &byte, 1, 0) == 0; };
        EXPECT_TRUE(turn_until({first.get()}, closed)) << packet.size();
    }
    EXPECT_TRUE(a.frames.empty());
}

TEST(SwitchNames, are_plain_words) {
    for (auto const* name : {"lab", "a-b_C9"}) EXPECT_TRUE(switch_path("/run", name));
    for (auto const* name : {"", "../x", "a b", "123456789012345678901234567890123"})
        EXPECT_FALSE(switch_path("/run", name));
}

} // namespace
} // namespace ring3::net
