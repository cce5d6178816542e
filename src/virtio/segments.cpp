#include "virtio/segments.h"

#include <algorithm>
#include <cstring>

namespace ring3::virtio {

namespace {

/// Calls `act(piece)` for the bytes [offset, offset + bytes), piece by piece.
void for_pieces(Segments segments, u64 offset, u64 bytes, auto&& act) {
    for (iovec const& segment : segments) {
        if (bytes == 0) return;
        if (offset >= segment.iov_len) {
            offset -= segment.iov_len;
            continue;
        }
        u64 const count = std::min<u64>(bytes, segment.iov_len - offset);
        act(std::span{static_cast<u8*>(segment.iov_base) + offset, count});
        bytes -= count;
        offset = 0;
    }
}

} // namespace

u64 total_bytes(Segments segments) {
    u64 total = 0;
    for (iovec const& segment : segments) total += segment.iov_len;
    return total;
}

std::size_t copy_out(Segments from, u64 offset, std::span<u8> out) {
    std::size_t done = 0;
    for_pieces(from, offset, out.size(), [&](std::span<u8> piece) {
        std::memcpy(out.data() + done, piece.data(), piece.size());
        done += piece.size();
    });
    return done;
}

std::size_t copy_in(Segments to, u64 offset, std::span<u8 const> bytes) {
    std::size_t done = 0;
    for_pieces(to, offset, bytes.size(), [&](std::span<u8> piece) {
        std::memcpy(piece.data(), bytes.data() + done, piece.size());
        done += piece.size();
    });
    return done;
}

std::vector<iovec> cut(Segments segments, u64 offset, u64 bytes) {
    std::vector<iovec> result;
    for_pieces(segments, offset, bytes, [&](std::span<u8> piece) { result.push_back({piece.data(), piece.size()}); });
    return result;
}

} // namespace ring3::virtio
