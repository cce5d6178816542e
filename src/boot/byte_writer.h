// ByteWriter: tables of little-endian fields, written in the order in which their specification lists them.
#pragma once

#include "base/types.h"

#include <numeric>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ring3::boot {

class ByteWriter {
public:
    template <class T> ByteWriter& add(T value) {
        static_assert(std::is_unsigned_v<T>, "the width of a field is its type: write u16{...}");
        for (std::size_t i = 0; i < sizeof(T); ++i) bytes_.push_back(static_cast<u8>(u64{value} >> (8 * i)));
        return *this;
    }
    ByteWriter& text(std::string_view characters) {
        bytes_.insert(bytes_.end(), characters.begin(), characters.end());
        return *this;
    }
    ByteWriter& zeros(std::size_t count) {
        bytes_.resize(bytes_.size() + count);
        return *this;
    }
    ByteWriter& append(std::vector<u8> const& more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
        return *this;
    }
    std::size_t size() const { return bytes_.size(); }
    std::vector<u8> const& bytes() const { return bytes_; }

private:
    std::vector<u8> bytes_;
};

/// Sets the byte at `at` so that the first `count` bytes add up to zero.
inline void set_checksum(std::vector<u8>& bytes, std::size_t at, std::size_t count) {
    bytes[at] = 0;
    bytes[at] = static_cast<u8>(-std::accumulate(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count), 0));
}

} // namespace ring3::boot
