#include "app/netdev_parser.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>

namespace ring3::app {

namespace {

std::unexpected<Error> bad(std::string_view option, std::string message) {
    return fail(ExitStatus::usage, fmt::format("option '{}': {}", option, std::move(message)));
}

std::optional<in_addr> ipv4_of(std::string const& text) {
    in_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return {};
    return address;
}

Result<void> take_ipv4(std::string_view option, CommaList& list, std::string_view key, in_addr& address) {
    auto const text = list.take(key);
    if (!text) return {};
    auto const value = ipv4_of(*text);
    if (!value) return bad(option, fmt::format("{}={} is no IPv4 address", key, *text));
    address = *value;
    return {};
}

Result<void> take_ipv6(std::string_view option, CommaList& list, std::string_view key, in6_addr& address) {
    auto const text = list.take(key);
    if (text && ::inet_pton(AF_INET6, text->c_str(), &address) != 1)
        return bad(option, fmt::format("{}={} is no IPv6 address", key, *text));
    return {};
}

// ---- user

/// "net=a.b.c.d/24" or "/255.255.255.0"; the router and its servers are where QEMU puts them.
Result<void> take_network(std::string_view option, CommaList& list, net::UserSettings& user) {
    auto const text = list.take("net");
    if (!text) return {};
    auto const slash = std::min(text->find('/'), text->size());
    auto const network = ipv4_of(text->substr(0, slash));
    if (!network) return bad(option, fmt::format("net={} is no IPv4 network", *text));
    u32 mask = 0xffff'ff00;
    if (slash != text->size()) {
        auto const behind = text->substr(slash + 1);
        auto const bits = parse_number(behind, 32);
        auto const dotted = ipv4_of(behind);
        if (!dotted && (!bits || *bits == 0)) return bad(option, fmt::format("net={} has no good mask", *text));
        mask = dotted ? ntohl(dotted->s_addr) : ~u32{} << (32 - *bits);
    }
    u32 const base = ntohl(network->s_addr) & mask;
    auto const place = [&](u32 number) { return in_addr{htonl(base | (number & ~mask))}; };
    user.network = {htonl(base)};
    user.mask = {htonl(mask)};
    user.host = place(0x0202);
    user.dns = place(0x0203);
    user.dhcp_start = place(0x020f);
    return {};
}

Result<void> check_places(std::string_view option, net::UserSettings const& user) {
    struct Place {
        std::string_view key;
        in_addr address;
    };
    for (auto const& [key, address] : {Place{"host", user.host}, {"dns", user.dns}, {"dhcpstart", user.dhcp_start}})
        if ((address.s_addr & user.mask.s_addr) != user.network.s_addr)
            return bad(option, fmt::format("{}= is not in the network", key));
    if (user.host.s_addr == user.dns.s_addr) return bad(option, "host= and dns= are the same address");
    return {};
}

/// QEMU's rule: to ask for one version alone means only that one.
Result<void> take_versions(CommaList& list, net::UserSettings& user) {
    auto const v4 = TRY(list.take_switch("ipv4")), v6 = TRY(list.take_switch("ipv6"));
    user.ipv4 = v4.value_or(!v6.value_or(false));
    user.ipv6 = v6.value_or(!v4.value_or(false));
    return {};
}

Result<void> take_ipv6_network(std::string_view option, CommaList& list, net::UserSettings& user) {
    if (auto const text = list.take("ipv6-net")) {
        auto const slash = std::min(text->find('/'), text->size());
        auto const length = slash == text->size() ? 64 : parse_number(text->substr(slash + 1), 126);
        if (::inet_pton(AF_INET6, text->substr(0, slash).c_str(), &user.prefix6) != 1 || !length)
            return bad(option, fmt::format("ipv6-net={} is no IPv6 network", *text));
        user.prefix6_length = static_cast<u8>(*length);
        user.host6 = user.dns6 = user.prefix6;
        user.host6.s6_addr[15] |= 2;
        user.dns6.s6_addr[15] |= 3;
    }
    TRY_VOID(take_ipv6(option, list, "ipv6-host", user.host6));
    return take_ipv6(option, list, "ipv6-dns", user.dns6);
}

Result<NetBackend> parse_user(std::string_view option, CommaList& list) {
    net::UserSettings user;
    for (auto const* key : {"smb", "smbserver"})
        if (list.take(key)) return bad(option, fmt::format("{}=: there is no SMB server", key));
    TRY_VOID(take_versions(list, user));
    TRY_VOID(take_network(option, list, user));
    TRY_VOID(take_ipv4(option, list, "host", user.host));
    TRY_VOID(take_ipv4(option, list, "dns", user.dns));
    TRY_VOID(take_ipv4(option, list, "dhcpstart", user.dhcp_start));
    TRY_VOID(check_places(option, user));
    TRY_VOID(take_ipv6_network(option, list, user));
    user.restricted = TRY(list.take_switch("restrict")).value_or(false);
    user.hostname = list.take("hostname").value_or("");
    user.domain_name = list.take("domainname").value_or("");
    user.tftp_root = list.take("tftp").value_or("");
    user.tftp_server_name = list.take("tftp-server-name").value_or("");
    user.boot_file = list.take("bootfile").value_or("");
    user.dns_search = list.take_all("dnssearch");
    for (auto const& rule : list.take_all("hostfwd")) user.host_forwards.push_back(TRY(parse_host_forward(rule)));
    for (auto const& rule : list.take_all("guestfwd")) user.guest_forwards.push_back(TRY(parse_guest_forward(rule)));
    return user;
}

// ---- tap

Result<NetBackend> parse_tap(std::string_view option, CommaList& list) {
    for (auto const* key : {"script", "downscript"}) {
        auto const script = list.take(key).value_or("no");
        if (script != "no" && !script.empty())
            return bad(option, fmt::format("{}={}: scripts are not run; {}=no", key, script, key));
    }
    if (auto const vhost = TRY(list.take_switch("vhost")); vhost.value_or(false))
        return bad(option, "vhost=on: that needs a kernel module");
    return TapSettings{list.take("ifname").value_or("")};
}

// ---- sockets

/// "[host]:port".
Result<net::Endpoint> parse_endpoint(std::string_view option, std::string_view key, std::string const& text) {
    auto const colon = text.rfind(':');
    if (colon == text.npos || colon + 1 == text.size())
        return bad(option, fmt::format("{}={} has no port ([host]:port)", key, text));
    return net::Endpoint{.path = {}, .host = text.substr(0, colon), .port = text.substr(colon + 1)};
}

Result<NetBackend> parse_socket(std::string_view option, CommaList& list) {
    auto const listen = list.take("listen"), connect = list.take("connect"), group = list.take("mcast"),
               udp = list.take("udp"), local = list.take("localaddr");
    int const kinds = listen.has_value() + connect.has_value() + group.has_value() + udp.has_value();
    if (kinds != 1) return bad(option, "exactly one of listen=, connect=, mcast= and udp= is needed");
    if (local && !group && !udp) return bad(option, "localaddr= goes with mcast= and udp=");
    if (listen) return StreamSettings{TRY(parse_endpoint(option, "listen", *listen)), true};
    if (connect) return StreamSettings{TRY(parse_endpoint(option, "connect", *connect)), false};
    if (group) return MulticastSettings{TRY(parse_endpoint(option, "mcast", *group)), local.value_or("")};
    if (!local) return bad(option, "udp= needs localaddr=[host]:port");
    auto peer = TRY(parse_endpoint(option, "udp", *udp));
    auto own = TRY(parse_endpoint(option, "localaddr", *local));
    return UdpSettings{std::move(peer), std::move(own)};
}

Result<NetBackend> parse_stream(std::string_view option, CommaList& list) {
    bool const server = TRY(list.take_switch("server")).value_or(false);
    auto const type = list.take("addr.type").value_or("");
    net::Endpoint endpoint;
    if (type == "unix")
        endpoint.path = list.take("addr.path").value_or("");
    else if (type == "inet")
        endpoint.host = list.take("addr.host").value_or(""), endpoint.port = list.take("addr.port").value_or("");
    if (endpoint.path.empty() && endpoint.port.empty())
        return bad(option,
                   "addr.type=unix with addr.path=, or addr.type=inet with addr.host= and addr.port=, is needed");
    return StreamSettings{std::move(endpoint), server};
}

// ---- switch

Result<u16> parse_vlan(std::string_view option, std::string_view key, std::string_view text) {
    auto const number = parse_number(text, 4094);
    if (!number || *number == 0) return bad(option, fmt::format("{}={} is no VLAN (1 to 4094)", key, text));
    return static_cast<u16>(*number);
}

/// "10:20:30-39" or "all".
Result<void> take_trunk(std::string_view option, CommaList& list, net::PortRules& rules) {
    auto text = list.take("trunk").value_or("");
    if (text == "all") text = "1-4094";
    while (!text.empty()) {
        auto const colon = std::min(text.find(':'), text.size());
        auto const piece = text.substr(0, colon);
        text.erase(0, colon + 1);
        auto const dash = std::min(piece.find('-'), piece.size());
        u16 const first = TRY(parse_vlan(option, "trunk", piece.substr(0, dash)));
        u16 const last = dash == piece.size() ? first : TRY(parse_vlan(option, "trunk", piece.substr(dash + 1)));
        for (unsigned vlan = first; vlan <= last; ++vlan) rules.trunk.set(vlan);
    }
    return {};
}

/// Bits per second: "64k", "10M", "1G".
Result<u64> parse_rate(std::string_view option, std::string_view text) {
    u64 factor = 1;
    auto digits = text;
    switch (text.empty() ? '\0' : text.back()) {
    case 'k':
    case 'K': factor = 1000; break;
    case 'M': factor = 1'000'000; break;
    case 'G': factor = 1'000'000'000; break;
    default: break;
    }
    if (factor != 1) digits.remove_suffix(1);
    auto const number = parse_number(digits, 1'000'000'000);
    constexpr u64 least = 8'000; // below, a single frame takes longer than TCP waits
    if (!number || *number * factor < least)
        return bad(option, fmt::format("rate={} is no rate in bits per second (8k and more, with k, M or G)", text));
    return *number * factor;
}

Result<NetBackend> parse_switch(std::string_view option, CommaList& list) {
    SwitchPortSettings settings;
    settings.port.name = list.take("name").value_or("");
    TRY_VOID(net::switch_path("", settings.port.name));
    auto& rules = settings.port.rules;
    if (auto const vlan = list.take("vlan")) rules.vlan = TRY(parse_vlan(option, "vlan", *vlan));
    TRY_VOID(take_trunk(option, list, rules));
    if (auto const rate = list.take("rate")) rules.bits_per_second = TRY(parse_rate(option, *rate));
    settings.uplink = list.take("uplink").value_or("");
    settings.uplink_vlan = rules.vlan;
    if (auto const vlan = list.take("uplink-vlan"))
        settings.uplink_vlan = TRY(parse_vlan(option, "uplink-vlan", *vlan));
    return settings;
}

struct Kind {
    std::string_view name;
    Result<NetBackend> (*parse)(std::string_view, CommaList&);
};
constexpr Kind kinds[] = {{"user", parse_user},
                          {"tap", parse_tap},
                          {"socket", parse_socket},
                          {"stream", parse_stream},
                          {"switch", parse_switch}};

Kind const* find_kind(std::string_view name) {
    auto const found = std::ranges::find(kinds, name, &Kind::name);
    return found == std::end(kinds) ? nullptr : found;
}

} // namespace

bool is_netdev_kind(std::string_view kind) {
    return find_kind(kind) != nullptr;
}

Result<NetBackend> parse_netdev(std::string_view option, std::string_view kind, CommaList& list) {
    Kind const* const found = find_kind(kind);
    if (!found) return bad(option, fmt::format("there is no '{}' (user, tap, socket, stream, switch)", kind));
    return found->parse(option, list);
}

namespace {

/// The piece up to the next colon, which is taken away too.
std::string next_piece(std::string_view& text) {
    auto const colon = std::min(text.find(':'), text.size());
    std::string piece{text.substr(0, colon)};
    text.remove_prefix(std::min(colon + 1, text.size()));
    return piece;
}

std::optional<u16> port_of(std::string_view text) {
    auto const number = parse_number(text, 65'535);
    return number ? std::optional{static_cast<u16>(*number)} : std::nullopt;
}

} // namespace

Result<net::HostForward> parse_host_forward(std::string_view text) {
    auto const wrong = [whole = text](std::string_view what) {
        return fail(ExitStatus::usage,
                    fmt::format("hostfwd={}: {} ([tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport)", whole, what));
    };
    net::HostForward rule;
    std::string_view rest = text;
    auto const protocol = next_piece(rest);
    if (protocol != "" && protocol != "tcp" && protocol != "udp") return wrong("the protocol is tcp or udp");
    rule.udp = protocol == "udp";
    auto const host = next_piece(rest);
    auto const dash = std::min(rest.find('-'), rest.size());
    auto const host_port = port_of(rest.substr(0, dash));
    rest.remove_prefix(std::min(dash + 1, rest.size()));
    auto const guest = next_piece(rest);
    auto const guest_port = port_of(rest);
    if (!host_port || !guest_port || *guest_port == 0) return wrong("a port is missing");
    auto const host_address = host.empty() ? in_addr{} : ipv4_of(host),
               guest_address = guest.empty() ? in_addr{} : ipv4_of(guest);
    if (!host_address || !guest_address) return wrong("an address is no IPv4 address");
    rule.host = *host_address, rule.host_port = *host_port;
    rule.guest = *guest_address, rule.guest_port = *guest_port;
    return rule;
}

Result<net::GuestForward> parse_guest_forward(std::string_view text) {
    auto const wrong = [whole = text](std::string_view what) {
        return fail(ExitStatus::usage,
                    fmt::format("guestfwd={}: {} ([tcp]:server:port-cmd:COMMAND or ...-unix:PATH)", whole, what));
    };
    net::GuestForward rule;
    std::string_view rest = text;
    auto const protocol = next_piece(rest);
    if (protocol != "" && protocol != "tcp") return wrong("the protocol is tcp");
    auto const server = ipv4_of(next_piece(rest));
    auto const dash = std::min(rest.find('-'), rest.size());
    auto const port = port_of(rest.substr(0, dash));
    rest.remove_prefix(std::min(dash + 1, rest.size()));
    if (!server || !port || *port == 0) return wrong("the server's address or port is missing");
    rule.server = *server, rule.port = *port;
    if (rest.starts_with("cmd:"))
        rule.command = rest.substr(4);
    else if (rest.starts_with("unix:"))
        rule.unix_socket = rest.substr(5);
    if (rule.command.empty() && rule.unix_socket.empty()) return wrong("its other end is cmd:COMMAND or unix:PATH");
    return rule;
}

Result<std::array<u8, 6>> parse_mac(std::string_view option, std::string_view text) {
    std::array<u8, 6> mac{};
    std::string_view rest = text;
    bool good = text.size() == 17;
    for (std::size_t i = 0; good && i < mac.size(); ++i) {
        auto const end = rest.data() + 2;
        good = std::from_chars(rest.data(), end, mac[i], 16).ptr == end && (i == 5 || rest[2] == ':' || rest[2] == '-');
        rest.remove_prefix(std::min<std::size_t>(3, rest.size()));
    }
    if (good && !(mac[0] & 1)) return mac;
    return bad(option,
               fmt::format("'{}' is no address of a station (52:54:00:12:34:56; the first digit pair is even)", text));
}

} // namespace ring3::app
