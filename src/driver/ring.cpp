#include "driver/ring.h"

#include <algorithm>
#include <cstring>

namespace ring3::driver {

namespace {

/// Calls `copy(index in the ring, index in the piece, count)` for the one or two runs that [position, +count) covers.
void for_each_run(u32 position, std::size_t count, std::size_t capacity, auto&& copy) {
    std::size_t const start = position % capacity;
    std::size_t const first = std::min(count, capacity - start);
    if (first != 0) copy(start, std::size_t{0}, first);
    if (count != first) copy(std::size_t{0}, first, count - first);
}

} // namespace

std::size_t RingWriter::room() const {
    u32 const used = written_ - positions_->read.load();
    return used <= bytes_.size() ? bytes_.size() - used : 0;
}

void RingWriter::put(void const* from, std::size_t count) {
    auto const* const source = static_cast<u8 const*>(from);
    for_each_run(written_, count, bytes_.size(), [&](std::size_t at, std::size_t done, std::size_t piece) {
        std::memcpy(bytes_.data() + at, source + done, piece);
    });
    written_ += static_cast<u32>(count);
}

std::optional<std::size_t> RingReader::available() const {
    u32 const used = positions_->written.load() - read_;
    if (used > bytes_.size()) return std::nullopt;
    return used;
}

void RingReader::take(void* to, std::size_t count) {
    auto* const target = static_cast<u8*>(to);
    for_each_run(read_, count, bytes_.size(), [&](std::size_t at, std::size_t done, std::size_t piece) {
        std::memcpy(target + done, bytes_.data() + at, piece);
    });
    read_ += static_cast<u32>(count);
}

} // namespace ring3::driver
