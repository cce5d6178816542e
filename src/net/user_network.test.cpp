#include "net/user_network.h"

#include "host/file_descriptor.h"
#include "net/addresses.h"
#include "net/test_station.h"

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ring3::net {
namespace {

constexpr u32 guest_ip = 0x0a00020f, router_ip = 0x0a000202; // 10.0.2.15, 10.0.2.2
constexpr std::size_t ip_at = 14, udp_at = 34, udp_data = 42;
constexpr MacAddress guest_mac = test_mac(0x56);

/// A guest made of raw frames.
struct Guest : testing::Test {
    ~Guest() override { network.reset(); }
    void start(UserSettings settings = {}) {
        settings.ipv6 = false; // its router would announce itself in between
        auto made = UserNetwork::create(std::move(settings), [](std::string const&) {});
        ASSERT_TRUE(made) << made.error().message;
        network = *std::move(made);
        network->connect(station);
    }
    /// Until a frame has come that satisfies the test; it is in `answer` then.
    bool wait_for(std::function<bool(std::vector<u8> const&)> const& test) {
        return turn_until({network.get()}, [&] {
            for (auto const& frame : station.frames) {
                if (!test(frame)) continue;
                answer = frame;
                station.frames.clear();
                return true;
            }
            return false;
        });
    }
    static std::vector<u8> ip_frame(MacAddress to, u8 protocol, u32 source, u32 target,
                                    std::vector<u8> const& payload) {
        std::vector<u8> frame(ip_at + 20);
        auto const mac = make_frame(to, guest_mac, frame_header);
        std::copy(mac.begin(), mac.end(), frame.begin());
        put_be16(frame, 12, 0x0800);
        frame[ip_at] = 0x45;
        put_be16(frame, ip_at + 2, static_cast<u16>(20 + payload.size()));
        frame[ip_at + 8] = 64;
        frame[ip_at + 9] = protocol;
        put_be32(frame, ip_at + 12, source);
        put_be32(frame, ip_at + 16, target);
        put_be16(frame, ip_at + 10, fold_checksum(ones_sum(std::span{frame}.subspan(ip_at, 20))));
        frame.insert(frame.end(), payload.begin(), payload.end());
        return frame;
    }
    static std::vector<u8> udp(u16 from, u16 to, std::vector<u8> const& data) {
        std::vector<u8> packet(8);
        put_be16(packet, 0, from);
        put_be16(packet, 2, to);
        put_be16(packet, 4, static_cast<u16>(8 + data.size())); // no checksum: RFC 768 allows it
        packet.insert(packet.end(), data.begin(), data.end());
        return packet;
    }
    /// "Who has `target`?"; the router's answer is waited for.
    bool resolve(u32 target) {
        auto arp = make_frame(broadcast_mac, guest_mac, 42);
        put_be16(arp, 12, 0x0806);
        put_be32(arp, 14, 0x0001'0800);
        put_be32(arp, 18, 0x0604'0001);
        std::copy(guest_mac.bytes.begin(), guest_mac.bytes.end(), arp.begin() + 22);
        put_be32(arp, 28, guest_ip);
        put_be32(arp, 38, target);
        network->send({arp});
        bool const found = wait_for([&](auto const& frame) {
            return frame.size() >= 42 && be16(frame, 12) == 0x0806 && be16(frame, 20) == 2 && be32(frame, 28) == target;
        });
        if (found) router = mac_at(answer, 22);
        return found;
    }
    static std::vector<u8> dhcp(u8 type) {
        std::vector<u8> message(240);
        message[0] = 1, message[1] = 1, message[2] = 6;
        put_be32(message, 4, 0x12345678);
        std::copy(guest_mac.bytes.begin(), guest_mac.bytes.end(), message.begin() + 28);
        put_be32(message, 236, 0x63825363);
        message.insert(message.end(), {53, 1, type, 255});
        return message;
    }
    /// Value of a DHCP option of the answer; empty: it has none.
    std::vector<u8> option(u8 wanted) const {
        for (std::size_t i = udp_data + 240; i + 1 < answer.size() && answer[i] != 255; i += 2u + answer[i + 1])
            if (answer[i] == wanted && i + 2 + answer[i + 1] <= answer.size())
                return {answer.begin() + static_cast<long>(i + 2),
                        answer.begin() + static_cast<long>(i + 2 + answer[i + 1])};
        return {};
    }
    bool discover(std::vector<u8> const& message) {
        network->send({ip_frame(broadcast_mac, 17, 0, ~u32{}, udp(68, 67, message))});
        return wait_for([](auto const& frame) {
            return frame.size() > udp_data + 240 && frame[ip_at + 9] == 17 && be16(frame, udp_at + 2) == 68;
        });
    }
    std::unique_ptr<UserNetwork> network;
    TestStation station;
    std::vector<u8> answer;
    MacAddress router{};
};

TEST_F(Guest, arp_finds_the_router_and_nobody_else) {
    start();
    EXPECT_TRUE(resolve(router_ip));
    EXPECT_FALSE(router.is_group());
}

TEST_F(Guest, dhcp_gives_qemu_s_addresses) {
    start({.hostname = "box", .boot_file = "pxelinux.0"});
    ASSERT_TRUE(discover(dhcp(1)));
    EXPECT_EQ(be32(answer, udp_data + 16), guest_ip);
    EXPECT_EQ(option(53), (std::vector<u8>{2}));               // an offer
    EXPECT_EQ(option(1), (std::vector<u8>{255, 255, 255, 0})); // mask
    EXPECT_EQ(option(3), (std::vector<u8>{10, 0, 2, 2}));      // router
    EXPECT_EQ(option(6), (std::vector<u8>{10, 0, 2, 3}));      // DNS
    EXPECT_EQ(option(12), (std::vector<u8>{'b', 'o', 'x'}));
    std::string const file(answer.begin() + udp_data + 108, answer.begin() + udp_data + 108 + 10);
    EXPECT_EQ(file, "pxelinux.0");
}

TEST_F(Guest, another_network_gives_other_addresses) {
    start({.network = ipv4(192, 168, 76, 0),
           .host = ipv4(192, 168, 76, 9),
           .dns = ipv4(192, 168, 76, 3),
           .dhcp_start = ipv4(192, 168, 76, 15)});
    ASSERT_TRUE(discover(dhcp(1)));
    EXPECT_EQ(be32(answer, udp_data + 16), 0xc0a84c0fu);
    EXPECT_EQ(option(3), (std::vector<u8>{192, 168, 76, 9}));
}

TEST_F(Guest, the_router_answers_a_ping) {
    start();
    ASSERT_TRUE(resolve(router_ip));
    std::vector<u8> echo{8, 0, 0, 0, 0x12, 0x34, 0, 1, 'r', 'i', 'n', 'g'};
    put_be16(echo, 2, fold_checksum(ones_sum(echo)));
    network->send({ip_frame(router, 1, guest_ip, router_ip, echo)});
    ASSERT_TRUE(wait_for([](auto const& frame) { return frame.size() >= ip_at + 32 && frame[ip_at + 9] == 1; }));
    auto const reply = std::span{answer}.subspan(ip_at + 20);
    EXPECT_EQ(reply[0], 0);
    EXPECT_EQ(be16(reply, 4), 0x1234);
    EXPECT_EQ(reply[8], 'r');
    EXPECT_EQ(fold_checksum(ones_sum(reply.first(12))), 0);
}

TEST_F(Guest, tftp_serves_files_of_its_folder_only) {
    std::string pattern = testing::TempDir() + "ring3-tftp-XXXXXX";
    std::string const folder = ::mkdtemp(pattern.data());
    std::ofstream{folder + "/hello"} << "hello from the host";
    start({.tftp_root = folder});
    ASSERT_TRUE(resolve(router_ip));
    auto const request = [](std::string_view name) {
        std::vector<u8> bytes{0, 1};
        bytes.insert(bytes.end(), name.begin(), name.end());
        for (char const c : std::string_view{"\0octet\0", 7}) bytes.push_back(static_cast<u8>(c));
        return bytes;
    };
    auto const is_answer = [](auto const& frame) {
        return frame.size() > udp_data + 4 && be16(frame, udp_at + 2) == 5000;
    };
    network->send({ip_frame(router, 17, guest_ip, router_ip, udp(5000, 69, request("/hello")))});
    ASSERT_TRUE(wait_for(is_answer));
    EXPECT_EQ(be16(answer, udp_data), 3u); // DATA
    EXPECT_EQ(std::string(answer.begin() + udp_data + 4, answer.begin() + udp_data + 23), "hello from the host");
    network->send({ip_frame(router, 17, guest_ip, router_ip, udp(5000, 69, request("/../../../etc/passwd")))});
    ASSERT_TRUE(wait_for(is_answer));
    EXPECT_EQ(be16(answer, udp_data), 5u); // ERROR
    std::filesystem::remove_all(folder);
}

/// A TCP port of the host's that nobody uses.
u16 free_port() {
    host::FileDescriptor const socket{::socket(AF_INET, SOCK_STREAM, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    socklen_t length = sizeof name;
    void* const any_family = &name;
    ::bind(socket.number(), static_cast<sockaddr*>(any_family), sizeof name);
    ::getsockname(socket.number(), static_cast<sockaddr*>(any_family), &length);
    return ntohs(name.sin_port);
}

TEST_F(Guest, a_forwarded_port_of_the_host_leads_to_the_guest) {
    u16 const port = free_port();
    start({.host_forwards = {
               {.udp = false, .host = ipv4(127, 0, 0, 1), .host_port = port, .guest = {}, .guest_port = 22}}});
    ASSERT_TRUE(discover(dhcp(1))); // "the first address of DHCP": libslirp learns who has it
    ASSERT_TRUE(resolve(router_ip));
    auto const peer =
        net::resolve({.host = "127.0.0.1", .port = std::to_string(port)}, SOCK_STREAM, Purpose::connect)->front();
    host::FileDescriptor const client{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    ::connect(client.number(), peer.get(), peer.length);
    EXPECT_TRUE(wait_for([](auto const& frame) { // a SYN to port 22, or the question who has the address
        bool const syn = frame.size() >= 54 && frame[ip_at + 9] == 6 && be16(frame, 36) == 22 && (frame[47] & 2);
        return syn || (be16(frame, 12) == 0x0806 && be32(frame, 38) == guest_ip);
    }));
}

TEST_F(Guest, a_port_that_is_taken_cannot_be_forwarded) {
    u16 const port = free_port();
    HostForward const rule{.udp = false, .host = ipv4(127, 0, 0, 1), .host_port = port, .guest = {}, .guest_port = 22};
    start({.host_forwards = {rule}});
    auto const second = UserNetwork::create({.host_forwards = {rule}}, [](std::string const&) {});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find(std::to_string(port)), std::string::npos);
}

TEST_F(Guest, random_frames_do_no_harm) {
    start();
    u32 state = 1;
    auto const random = [&state] { return state = state * 1664525 + 1013904223, state >> 8; };
    for (int i = 0; i < 3000; ++i) {
        auto frame = ip_frame(broadcast_mac, random() % 2 ? 6 : 17, guest_ip, router_ip,
                              udp(68, 67, dhcp(static_cast<u8>(random()))));
        for (unsigned flips = random() % 4; flips > 0; --flips)
            frame[random() % frame.size()] = static_cast<u8>(random());
        frame.resize(random() % 2 ? frame.size() : random() % frame.size());
        network->send({frame, static_cast<u16>(random() % 8 ? 0 : random())});
        station.frames.clear();
    }
    EXPECT_TRUE(resolve(router_ip));
}

} // namespace
} // namespace ring3::net
