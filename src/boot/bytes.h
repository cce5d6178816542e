// Reading fields from an image whose length nobody vouches for.
#pragma once

#include "base/types.h"

#include <cstring>
#include <span>
#include <type_traits>

namespace ring3::boot {

/// Does [offset, offset + size) lie within that many bytes? Whatever the values, without overflow.
constexpr bool within(u64 offset, u64 size, u64 bytes) {
    return offset <= bytes && size <= bytes - offset;
}

/// The T at an offset, or a zero T where the image ends before it. The host and the guest are both little-endian.
template <class T> T field(std::span<u8 const> image, u64 offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (within(offset, sizeof(T), image.size())) std::memcpy(&value, image.data() + offset, sizeof(T));
    return value;
}

} // namespace ring3::boot
