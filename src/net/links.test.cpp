#include "net/crossover.h"
#include "net/packet_link.h"
#include "net/stream_link.h"
#include "net/test_station.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ring3::net {
namespace {

struct Links : testing::Test {
    Links() : path{fmt::format("{}ring3-link-{}", testing::TempDir(), ::getpid())} {}
    ~Links() override { ::unlink(path.c_str()); }
    Complain complain() {
        return [this](std::string text) { complaints.push_back(text); };
    }
    template <class Link> std::unique_ptr<Link> with(TestStation& station, Result<std::unique_ptr<Link>> link) {
        EXPECT_TRUE(link) << link.error().message;
        (*link)->connect(station);
        return *std::move(link);
    }
    /// A plain socket connected to the link that listens at `path`.
    host::FileDescriptor raw_client() const {
        host::FileDescriptor socket{::socket(AF_UNIX, SOCK_STREAM, 0)};
        auto const address = unix_address(path);
        EXPECT_EQ(::connect(socket.number(), address->get(), address->length), 0);
        return socket;
    }
    std::string path;
    std::vector<std::string> complaints;
    TestStation a, b;
};

TEST_F(Links, a_stream_carries_frames_behind_their_length) {
    auto const link = with(a, StreamLink::listen({.path = path}, complain()));
    auto const client = raw_client();
    ASSERT_TRUE(turn_until({link.get()}, [&] { return link->is_connected(); }));
    std::vector<u8> wire{0, 0, 0, 20};
    wire.resize(24, 0x5a);
    for (u8 const byte : wire) ::write(client.number(), &byte, 1); // in the smallest pieces
    ASSERT_TRUE(turn_until({link.get()}, [&] { return a.frames.size() == 1; }));
    EXPECT_EQ(a.frames[0], std::vector<u8>(20, 0x5a));
    link->send({std::vector<u8>(14, 0x11)});
    std::vector<u8> received(18);
    EXPECT_EQ(::recv(client.number(), received.data(), received.size(), MSG_WAITALL), 18);
    EXPECT_EQ(be32(received, 0), 14u);
    EXPECT_EQ(received[17], 0x11);
}

TEST_F(Links, a_hostile_length_ends_the_connection_and_the_next_peer_may_come) {
    auto const link = with(a, StreamLink::listen({.path = path}, complain()));
    for (u32 const length : {0u, 13u, 65'554u, 0xffff'ffffu}) {
        auto const client = raw_client();
        ASSERT_TRUE(turn_until({link.get()}, [&] { return link->is_connected(); }));
        std::array<u8, 4> bytes{};
        put_be32(bytes, 0, length);
        ::write(client.number(), bytes.data(), bytes.size());
        EXPECT_TRUE(turn_until({link.get()}, [&] { return !link->is_connected(); })) << length;
    }
    EXPECT_EQ(complaints.size(), 4u);
    EXPECT_TRUE(a.frames.empty());
}

TEST_F(Links, two_streams_find_each_other) {
    auto const server = with(a, StreamLink::listen({.path = path}, complain()));
    auto const client = with(b, StreamLink::connect_to({.path = path}, complain()));
    client->send({make_frame(broadcast_mac, test_mac(1), most_frame)});
    EXPECT_TRUE(turn_until({server.get(), client.get()}, [&] { return a.frames.size() == 1; }));
    EXPECT_EQ(a.frames[0].size(), most_frame);
    server->send({make_frame(broadcast_mac, test_mac(2))});
    EXPECT_TRUE(turn_until({server.get(), client.get()}, [&] { return b.frames.size() == 1; }));
}

TEST_F(Links, a_peer_that_does_not_read_holds_the_sender_back) {
    auto const server = with(a, StreamLink::listen({.path = path}, complain()));
    auto const client = with(b, StreamLink::connect_to({.path = path}, complain()));
    a.takes = false;
    std::size_t sent = 0;
    while (client->ready() && sent < 100'000) client->send({make_frame(broadcast_mac, test_mac(1), 1514)}), ++sent;
    EXPECT_LT(sent, 100'000u);
    a.takes = true;
    EXPECT_TRUE(turn_until({server.get(), client.get()}, [&] { return a.frames.size() == sent; }));
    EXPECT_GE(b.times_ready, 1u);
}

TEST_F(Links, nobody_to_connect_to_is_an_error_that_names_the_place) {
    auto const link = StreamLink::connect_to({.path = path}, complain());
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().status, ExitStatus::io);
    EXPECT_NE(link.error().message.find(path), std::string::npos);
}

TEST_F(Links, udp_carries_a_frame_per_datagram) {
    Endpoint const here{.path = {}, .host = "127.0.0.1", .port = std::to_string(20'000 + ::getpid() % 20'000)};
    Endpoint const there{.path = {}, .host = "127.0.0.1", .port = std::to_string(40'000 + ::getpid() % 20'000)};
    auto const first = with(a, PacketLink::open_udp(there, here, complain()));
    auto const second = with(b, PacketLink::open_udp(here, there, complain()));
    first->send({make_frame(broadcast_mac, test_mac(1), 60, 7)});
    EXPECT_TRUE(turn_until({first.get(), second.get()}, [&] { return b.frames.size() == 1; }));
    EXPECT_EQ(b.frames[0][59], 7);
    b.takes = false;
    first->send({make_frame(broadcast_mac, test_mac(1))});
    turn_until({first.get(), second.get()}, [n = 0]() mutable { return n++ > 2; });
    EXPECT_EQ(b.frames.size(), 1u); // it waits in the socket
}

TEST_F(Links, a_tap_interface_without_rights_is_a_clear_error) {
    auto const link = PacketLink::open_tap("ring3-no-such0", complain());
    if (link) GTEST_SKIP() << "this host lets us make interfaces";
    EXPECT_EQ(link.error().status, ExitStatus::host_lacks);
    EXPECT_NE(link.error().message.find("tap interface"), std::string::npos);
    EXPECT_FALSE(PacketLink::open_tap("a-name-that-is-too-long-for-linux", complain()));
}

TEST_F(Links, only_multicast_groups_can_be_joined) {
    EXPECT_FALSE(PacketLink::join({.path = {}, .host = "10.0.0.1", .port = "1234"}, "", complain()));
}

TEST_F(Links, a_crossover_joins_two_back_ends) {
    std::string const other_path = path + "-2";
    auto const left = StreamLink::listen({.path = path}, complain());
    auto const right = StreamLink::listen({.path = other_path}, complain());
    ASSERT_TRUE(left && right);
    Crossover const joined{**left, **right};
    auto const first = with(a, StreamLink::connect_to({.path = path}, complain()));
    auto const second = with(b, StreamLink::connect_to({.path = other_path}, complain()));
    ASSERT_TRUE(turn_until({left->get(), right->get(), first.get(), second.get()},
                           [&] { return (*left)->is_connected() && (*right)->is_connected(); }));
    first->send({make_frame(broadcast_mac, test_mac(1))});
    EXPECT_TRUE(
        turn_until({left->get(), right->get(), first.get(), second.get()}, [&] { return b.frames.size() == 1; }));
}

} // namespace
} // namespace ring3::net
