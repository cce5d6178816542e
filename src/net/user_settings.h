// What can be said about a user network; the defaults are QEMU's.
#pragma once

#include "base/types.h"

#include <netinet/in.h>
#include <optional>
#include <string>
#include <vector>

namespace ring3::net {

constexpr in_addr ipv4(u8 a, u8 b, u8 c, u8 d) {
    return {static_cast<u32>(a | b << 8 | c << 16) | u32{d} << 24}; // in network order on these little-endian hosts
}

/// hostfwd: connections to the host's port end at the guest's.
struct HostForward {
    bool udp{};
    in_addr host{}; // 0.0.0.0: every address of the host
    u16 host_port{};
    in_addr guest{}; // 0.0.0.0: the first address that DHCP gives
    u16 guest_port{};
};

/// guestfwd: connections of the guest to an address of the virtual network end at a program or a socket of the host.
struct GuestForward {
    in_addr server{};
    u16 port{};
    std::string command;     // run for each connection, with it as standard input and output; or
    std::string unix_socket; // connected to for each connection
};

struct UserSettings {
    bool ipv4{true}, ipv6{true};
    in_addr network{net::ipv4(10, 0, 2, 0)}, mask{net::ipv4(255, 255, 255, 0)};
    in_addr host{net::ipv4(10, 0, 2, 2)}, dns{net::ipv4(10, 0, 2, 3)}, dhcp_start{net::ipv4(10, 0, 2, 15)};
    in6_addr prefix6{{{0xfe, 0xc0}}};
    u8 prefix6_length{64};
    in6_addr host6{{{0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}};
    in6_addr dns6{{{0xfe, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}}};
    bool restricted{}; // the guest reaches only what is forwarded
    std::string hostname{}, domain_name{}, tftp_root{}, tftp_server_name{}, boot_file{};
    std::vector<std::string> dns_search{};
    std::vector<HostForward> host_forwards{};
    std::vector<GuestForward> guest_forwards{};
};

} // namespace ring3::net
