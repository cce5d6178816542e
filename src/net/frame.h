// Ethernet frames as the back ends see them: from the destination's address to the last byte of payload, without preamble
// and check sequence (IEEE 802.3 3.1.1).
#pragma once

#include "base/internet_checksum.h"

#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ring3::net {

inline constexpr std::size_t frame_header = 14; // two addresses and a type
inline constexpr std::size_t vlan_tag = 4;      // 802.1Q
/// Shorter ones have no type, longer ones cannot even carry the largest IP packet: neither is a frame.
inline constexpr std::size_t least_frame = frame_header;
inline constexpr std::size_t most_frame = frame_header + vlan_tag + 65'535;

constexpr bool is_frame_length(std::size_t bytes) {
    return bytes >= least_frame && bytes <= most_frame;
}

/// A frame on its way. Whoever keeps it copies the bytes.
struct Frame {
    std::span<u8 const> bytes{};
    /// 0: these bytes go over the wire. Else they are a TCP segment that is too long for it, which whoever needs real frames
    /// cuts into pieces of this many bytes of payload (segmentation.h).
    u16 segment{};
};

struct MacAddress {
    std::array<u8, 6> bytes{};
    /// The address is a group's, broadcast among them (802.3 3.2.3).
    constexpr bool is_group() const { return (bytes[0] & 1) != 0; }
    friend constexpr auto operator<=>(MacAddress const&, MacAddress const&) = default;
};

constexpr MacAddress mac_at(std::span<u8 const> frame, std::size_t offset) {
    MacAddress address;
    for (std::size_t i = 0; i < address.bytes.size(); ++i) address.bytes[i] = frame[offset + i];
    return address;
}
constexpr MacAddress destination_of(std::span<u8 const> frame) {
    return mac_at(frame, 0);
}
constexpr MacAddress source_of(std::span<u8 const> frame) {
    return mac_at(frame, 6);
}

} // namespace ring3::net
