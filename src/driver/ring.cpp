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

void RingWriter::put(std::span<u8 const> bytes) {
    for_each_run(written_, bytes.size(), bytes_.size(), [&](std::size_t at, std::size_t from, std::size_t count) {
        std::memcpy(bytes_.data() + at, bytes.data() + from, count);
    });
    written_ += static_cast<u32>(bytes.size());
}

std::optional<std::size_t> RingReader::available() const {
    u32 const used = positions_->written.load() - read_;
    if (used > bytes_.size()) return std::nullopt;
    return used;
}

void RingReader::take(std::span<u8> out) {
    for_each_run(read_, out.size(), bytes_.size(), [&](std::size_t at, std::size_t to, std::size_t count) {
        std::memcpy(out.data() + to, bytes_.data() + at, count);
    });
    read_ += static_cast<u32>(out.size());
}

} // namespace ring3::driver
