// TCP segmentation: what a card with segmentation offload does, for those back ends that carry real frames only.
//
// Models: TCP over IPv4 (without fragments) and over IPv6 without extension headers, with up to two 802.1Q tags.
// Source: RFC 9293 3.1, RFC 791 3.1, RFC 8200 3; FIN and PSH belong to the last piece, CWR to the first (RFC 3168 6.1.2).
#pragma once

#include "net/frame.h"

#include <functional>
#include <optional>

namespace ring3::net {

/// Where the headers of a TCP frame lie.
struct TcpLayout {
    std::size_t ip{};
    std::size_t tcp{};
    std::size_t payload{};
    bool version_6{};
};
/// Nothing if it is no whole TCP packet.
std::optional<TcpLayout> find_tcp(std::span<u8 const> frame);

/// Calls `piece` with each frame that goes over the wire. A frame that is no TCP packet goes as it is if it is short enough
/// for a wire with that segment size, else nowhere.
void cut_segment(Frame frame, std::function<void(std::span<u8 const>)> const& piece);

} // namespace ring3::net
