// The Internet checksum (RFC 1071), and numbers in network order. Network cards in the monitor and back ends in the app
// both need them.
#pragma once

#include "base/types.h"

#include <span>

namespace ring3 {

constexpr u16 be16(std::span<u8 const> bytes, std::size_t offset) {
    return static_cast<u16>(bytes[offset] << 8 | bytes[offset + 1]);
}
constexpr u32 be32(std::span<u8 const> bytes, std::size_t offset) {
    return u32{be16(bytes, offset)} << 16 | be16(bytes, offset + 2);
}
constexpr void put_be16(std::span<u8> bytes, std::size_t offset, u16 value) {
    bytes[offset] = static_cast<u8>(value >> 8);
    bytes[offset + 1] = static_cast<u8>(value);
}
constexpr void put_be32(std::span<u8> bytes, std::size_t offset, u32 value) {
    put_be16(bytes, offset, static_cast<u16>(value >> 16));
    put_be16(bytes, offset + 2, static_cast<u16>(value));
}

/// The sum of 16-bit words in network order, an odd last byte as the upper half of a word. Sums of pieces of even length
/// may be chained.
u32 ones_sum(std::span<u8 const> bytes, u32 sum = 0);

/// What goes into the packet.
constexpr u16 fold_checksum(u32 sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<u16>(~sum);
}

} // namespace ring3
