// Numbers as qcow2 stores them: the most significant byte first.
#pragma once

#include "base/types.h"

#include <bit>
#include <cstring>
#include <span>

namespace ring3::image {

/// The number at an offset that the caller knows to lie within the bytes.
template <class Word> Word load_be(std::span<u8 const> bytes, u64 offset) {
    Word word{};
    std::memcpy(&word, bytes.subspan(offset, sizeof(Word)).data(), sizeof(Word));
    return sizeof(Word) == 1 ? word : std::byteswap(word);
}

template <class Word> void store_be(std::span<u8> bytes, u64 offset, Word word) {
    if constexpr (sizeof(Word) > 1) word = std::byteswap(word);
    std::memcpy(bytes.subspan(offset, sizeof(Word)).data(), &word, sizeof(Word));
}

} // namespace ring3::image
