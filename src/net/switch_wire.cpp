#include "net/switch_wire.h"

namespace ring3::net::switch_wire {

namespace {
constexpr std::size_t trunk_bytes = vlan_count / 8;
constexpr std::size_t rules_bytes = 2 + 1 + 8 + trunk_bytes; // vlan, uplink, rate, trunk
constexpr u8 version = 1;
} // namespace

std::array<u8, header_bytes> header_of(Kind kind, u16 segment) {
    std::array<u8, header_bytes> header{static_cast<u8>(kind)};
    std::memcpy(&header[2], &segment, sizeof segment);
    return header;
}

std::optional<Message> parse(std::span<u8 const> packet) {
    if (packet.size() < header_bytes || packet[1] != 0) return {};
    Message message{.kind = Kind{packet[0]}};
    std::memcpy(&message.frame.segment, &packet[2], sizeof message.frame.segment);
    message.frame.bytes = packet.subspan(header_bytes);
    switch (message.kind) {
    case Kind::join: return message;
    case Kind::frame: return is_frame_length(message.frame.bytes.size()) ? std::optional{message} : std::nullopt;
    }
    return {};
}

std::vector<u8> rules_to_bytes(PortRules const& rules) {
    std::vector<u8> bytes{version, static_cast<u8>(rules.vlan), static_cast<u8>(rules.vlan >> 8), u8{rules.uplink}};
    for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<u8>(rules.bits_per_second >> (8 * i)));
    bytes.resize(bytes.size() + trunk_bytes);
    u8* const trunk = bytes.data() + bytes.size() - trunk_bytes;
    for (std::size_t vlan = 0; vlan < vlan_count; ++vlan)
        if (rules.trunk[vlan]) trunk[vlan / 8] = static_cast<u8>(trunk[vlan / 8] | 1u << vlan % 8);
    return bytes;
}

std::optional<PortRules> rules_from_bytes(std::span<u8 const> bytes) {
    if (bytes.size() != 1 + rules_bytes || bytes[0] != version) return {};
    PortRules rules;
    rules.vlan = static_cast<u16>(bytes[1] | bytes[2] << 8);
    rules.uplink = bytes[3] != 0;
    for (unsigned i = 0; i < 8; ++i) rules.bits_per_second |= u64{bytes[4 + i]} << (8 * i);
    auto const trunk = bytes.last(trunk_bytes);
    for (std::size_t vlan = 0; vlan < vlan_count; ++vlan) rules.trunk[vlan] = (trunk[vlan / 8] >> vlan % 8 & 1) != 0;
    bool const legal = rules.vlan != 0 && rules.vlan < vlan_count - 1 && !rules.trunk[0];
    return legal ? std::optional{rules} : std::nullopt;
}

} // namespace ring3::net::switch_wire
