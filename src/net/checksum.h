// The Internet checksum (RFC 1071).
#pragma once

#include "net/frame.h"

namespace ring3::net {

/// The sum of 16-bit words in network order, an odd last byte as the upper half of a word. Sums of pieces of even length
/// may be chained.
u32 ones_sum(std::span<u8 const> bytes, u32 sum = 0);

/// What goes into the packet.
constexpr u16 fold_checksum(u32 sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<u16>(~sum);
}

} // namespace ring3::net
