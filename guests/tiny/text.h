// Text: a view of characters, and what little can be done with it here.
#pragma once

#include "types.h"

namespace tiny {

struct Text {
    char const* begin{};
    u32 size{};

    constexpr Text() = default;
    constexpr Text(char const* first, u32 count) : begin{first}, size{count} {}
    /// A string that ends with a zero byte, as C and multiboot have them.
    constexpr Text(char const* string) : begin{string} {
        while (string[size] != 0) ++size;
    }
    constexpr Text from(u32 position) const { return {begin + position, size - position}; }
    constexpr bool starts_with(Text prefix) const {
        if (prefix.size > size) return false;
        for (u32 i = 0; i < prefix.size; ++i)
            if (begin[i] != prefix.begin[i]) return false;
        return true;
    }
};

/// The next word of `rest`, which loses it. Empty when there is none.
constexpr Text take_word(Text& rest) {
    while (rest.size != 0 && rest.begin[0] == ' ') rest = rest.from(1);
    u32 length = 0;
    while (length < rest.size && rest.begin[length] != ' ') ++length;
    Text const word{rest.begin, length};
    rest = rest.from(length);
    return word;
}

/// Decimal digits up to the first other character.
constexpr u32 number(Text text) {
    u32 value = 0;
    for (u32 i = 0; i < text.size && text.begin[i] >= '0' && text.begin[i] <= '9'; ++i)
        value = value * 10 + static_cast<u32>(text.begin[i] - '0');
    return value;
}

} // namespace tiny
