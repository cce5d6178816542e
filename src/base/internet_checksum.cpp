#include "base/internet_checksum.h"

#include <bit>
#include <cstring>

namespace ring3 {

namespace {
/// The sum is the same in either byte order, but for a swap at the end (RFC 1071 2(B)).
u16 fold(u64 sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<u16>(sum);
}
} // namespace

u32 ones_sum(std::span<u8 const> bytes, u32 sum) {
    u64 native = 0;
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        u32 word;
        std::memcpy(&word, bytes.data() + i, sizeof word);
        native += word; // at most 2^14 of them in a frame: no carry is lost
    }
    u32 rest = 0;
    for (std::size_t j = 0; i + j < bytes.size(); ++j) rest += u32{bytes[i + j]} << (j % 2 == 0 ? 8 : 0);
    u16 folded = fold(native);
    if constexpr (std::endian::native == std::endian::little) folded = std::byteswap(folded);
    u64 const total = u64{sum} + folded + rest;
    return fold(total);
}

} // namespace ring3
