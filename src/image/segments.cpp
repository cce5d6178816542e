#include "image/segments.h"

#include <algorithm>
#include <cstring>

namespace ring3::image {

namespace {

std::span<u8> bytes_of(iovec const& segment) {
    return {static_cast<u8*>(segment.iov_base), segment.iov_len};
}

/// Calls visit(piece) for the pieces of [skip, skip + bytes).
void for_each_piece(Segments segments, u64 skip, u64 bytes, auto&& visit) {
    for (auto const& segment : segments) {
        if (bytes == 0) return;
        if (skip >= segment.iov_len) {
            skip -= segment.iov_len;
            continue;
        }
        auto const piece = bytes_of(segment).subspan(skip, std::min<u64>(bytes, segment.iov_len - skip));
        skip = 0;
        bytes -= piece.size();
        visit(piece);
    }
}

} // namespace

u64 total_bytes(Segments segments) {
    u64 total = 0;
    for (auto const& segment : segments) total += segment.iov_len;
    return total;
}

std::vector<iovec> slice(Segments segments, u64 skip, u64 bytes) {
    std::vector<iovec> pieces;
    pieces.reserve(segments.size());
    for_each_piece(segments, skip, bytes, [&](std::span<u8> piece) { pieces.push_back(segment_of(piece)); });
    return pieces;
}

void copy_to(Segments segments, u64 skip, std::span<u8 const> bytes) {
    for_each_piece(segments, skip, bytes.size(), [&](std::span<u8> piece) {
        std::memcpy(piece.data(), bytes.data(), piece.size());
        bytes = bytes.subspan(piece.size());
    });
}

void copy_from(Segments segments, u64 skip, std::span<u8> bytes) {
    for_each_piece(segments, skip, bytes.size(), [&](std::span<u8> piece) {
        std::memcpy(bytes.data(), piece.data(), piece.size());
        bytes = bytes.subspan(piece.size());
    });
}

void fill_with_zeroes(Segments segments) {
    for (auto const& segment : segments) std::ranges::fill(bytes_of(segment), u8{0});
}

iovec segment_of(std::span<u8 const> bytes) {
    return {const_cast<u8*>(bytes.data()), bytes.size()};
}

iovec segment_of(std::span<u8> bytes) {
    return {bytes.data(), bytes.size()};
}

} // namespace ring3::image
