#include "net/segmentation.h"

#include <algorithm>
#include <vector>

namespace ring3::net {

namespace {

constexpr u16 type_vlan = 0x8100, type_service_vlan = 0x88a8, type_ipv4 = 0x0800, type_ipv6 = 0x86dd;
constexpr u8 protocol_tcp = 6;
constexpr std::size_t ipv4_header = 20, ipv6_header = 40, tcp_header = 20;
constexpr u8 fin = 0x01, psh = 0x08, cwr = 0x80;
/// A guest that asks for shorter pieces only wants to keep us busy; Linux's TCP goes down to 88.
constexpr std::size_t least_segment = 64;

/// Offset of the type that says what is carried, behind any tags.
std::size_t find_type(std::span<u8 const> frame) {
    std::size_t at = 12;
    for (int tags = 0; tags < 2 && at + vlan_tag + 2 <= frame.size(); ++tags) {
        u16 const type = be16(frame, at);
        if (type != type_vlan && type != type_service_vlan) break;
        at += vlan_tag;
    }
    return at;
}

/// Length of an IPv4 header, 0 if it is none that carries unfragmented TCP.
std::size_t ipv4_tcp_header(std::span<u8 const> packet) {
    if (packet.size() < ipv4_header || packet[0] >> 4 != 4) return 0;
    bool const fragment = (be16(packet, 6) & 0x3fff) != 0;
    std::size_t const length = (packet[0] & 15u) * 4;
    return length < ipv4_header || fragment || packet[9] != protocol_tcp ? 0 : length;
}

std::size_t ipv6_tcp_header(std::span<u8 const> packet) {
    bool const good = packet.size() >= ipv6_header && packet[0] >> 4 == 6 && packet[6] == protocol_tcp;
    return good ? ipv6_header : 0;
}

/// Fills in what differs from piece to piece.
void finish_piece(std::span<u8> piece, TcpLayout const& layout, unsigned number) {
    auto const ip = piece.subspan(layout.ip), tcp = piece.subspan(layout.tcp);
    std::span<u8> addresses;
    if (layout.version_6) {
        put_be16(ip, 4, static_cast<u16>(tcp.size()));
        addresses = ip.subspan(8, 32);
    } else {
        put_be16(ip, 2, static_cast<u16>(ip.size()));
        put_be16(ip, 4, static_cast<u16>(be16(ip, 4) + number)); // identification
        put_be16(ip, 10, 0);
        put_be16(ip, 10, fold_checksum(ones_sum(ip.first(layout.tcp - layout.ip))));
        addresses = ip.subspan(12, 8);
    }
    put_be16(tcp, 16, 0);
    u32 const pseudo_header = ones_sum(addresses, protocol_tcp + static_cast<u32>(tcp.size()));
    put_be16(tcp, 16, fold_checksum(ones_sum(tcp, pseudo_header)));
}

} // namespace

std::optional<TcpLayout> find_tcp(std::span<u8 const> frame) {
    if (frame.size() < frame_header) return {};
    std::size_t const type_at = find_type(frame);
    if (type_at + 2 > frame.size()) return {};
    u16 const type = be16(frame, type_at);
    TcpLayout layout{.ip = type_at + 2, .version_6 = type == type_ipv6};
    if (type != type_ipv4 && type != type_ipv6) return {};
    auto const packet = frame.subspan(layout.ip);
    std::size_t const header = layout.version_6 ? ipv6_tcp_header(packet) : ipv4_tcp_header(packet);
    layout.tcp = layout.ip + header;
    if (header == 0 || layout.tcp + tcp_header > frame.size()) return {};
    std::size_t const tcp_length = (frame[layout.tcp + 12] >> 4) * 4u;
    layout.payload = layout.tcp + tcp_length;
    if (tcp_length < tcp_header || layout.payload > frame.size()) return {};
    return layout;
}

void cut_segment(Frame frame, std::function<void(std::span<u8 const>)> const& piece) {
    auto const layout = find_tcp(frame.bytes);
    std::size_t const most = std::max<std::size_t>(frame.segment, least_segment);
    if (!layout) {
        constexpr std::size_t longest_headers = frame_header + 2 * vlan_tag + 60 + 60;
        if (frame.bytes.size() <= most + longest_headers) piece(frame.bytes);
        return;
    }
    auto const headers = frame.bytes.first(layout->payload);
    auto payload = frame.bytes.subspan(layout->payload);
    u32 const sequence = be32(headers, layout->tcp + 4);
    u8 const flags = headers[layout->tcp + 13];
    std::vector<u8> bytes;
    u32 sent = 0;
    for (unsigned number = 0; number == 0 || !payload.empty(); ++number) {
        auto const part = payload.first(std::min(most, payload.size()));
        payload = payload.subspan(part.size());
        bytes.assign(headers.begin(), headers.end());
        bytes.insert(bytes.end(), part.begin(), part.end());
        put_be32(bytes, layout->tcp + 4, sequence + sent);
        unsigned const only_in_last = payload.empty() ? 0 : fin | psh;
        unsigned const only_in_first = number == 0 ? 0 : cwr;
        bytes[layout->tcp + 13] = static_cast<u8>(flags & ~(only_in_last | only_in_first));
        finish_piece(bytes, *layout, number);
        sent += static_cast<u32>(part.size());
        piece(bytes);
    }
}

} // namespace ring3::net
