// What the ports of a switch and its server say to each other over a SOCK_SEQPACKET unix socket, one message per packet.
//
//     0      kind             join: the port's rules, once and first; frame: an Ethernet frame
//     1      0
//     2..3   segment          of a frame (net::Frame), host order: both ends are on one machine
//     4..    the rules (PortRules as SwitchWire::rules writes them), or the frame
#pragma once

#include "net/switch_core.h"

#include <vector>

namespace ring3::net::switch_wire {

enum class Kind : u8 { join = 1, frame = 2 };
inline constexpr std::size_t header_bytes = 4;
inline constexpr std::size_t most_message = header_bytes + most_frame;

struct Message {
    Kind kind{};
    Frame frame{}; // bytes is what follows the header
};

std::array<u8, header_bytes> header_of(Kind kind, u16 segment);
/// Nothing if these bytes are no message.
std::optional<Message> parse(std::span<u8 const> packet);

std::vector<u8> rules_to_bytes(PortRules const& rules);
std::optional<PortRules> rules_from_bytes(std::span<u8 const> bytes);

} // namespace ring3::net::switch_wire
