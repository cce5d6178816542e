#include "screen/picture.h"

#include <algorithm>
#include <string_view>

namespace ring3::screen {

namespace {

void put_big_endian(std::string& out, u32 value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

/// CRC-32 as in ISO 3309 (PNG, appendix 15).
u32 crc32(std::string_view bytes) {
    u32 crc = ~u32{0};
    for (char const byte : bytes) {
        crc ^= static_cast<u8>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb8'8320 : 0);
    }
    return ~crc;
}

/// The sum at the end of a zlib stream (RFC 1950).
u32 adler32(std::string_view bytes) {
    u32 a = 1, b = 0;
    for (char const byte : bytes) {
        a = (a + static_cast<u8>(byte)) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

void put_chunk(std::string& out, std::string_view type, std::string const& data) {
    put_big_endian(out, static_cast<u32>(data.size()));
    std::string const body = std::string{type} + data;
    out += body;
    put_big_endian(out, crc32(body));
}

/// A zlib stream of stored blocks (RFC 1951, 3.2.4).
std::string stored(std::string_view bytes) {
    constexpr std::size_t largest = 0xffff;
    std::string out = "\x78\x01";
    for (std::size_t at = 0; at < bytes.size(); at += largest) {
        auto const piece = bytes.substr(at, largest);
        u32 const size = static_cast<u32>(piece.size());
        out += static_cast<char>(at + largest >= bytes.size());
        for (u32 const word : {size, ~size}) out += static_cast<char>(word), out += static_cast<char>(word >> 8);
        out += piece;
    }
    put_big_endian(out, adler32(bytes));
    return out;
}

void append_row(std::string& out, Picture const& picture, unsigned y) {
    auto const size = std::ptrdiff_t{3} * picture.width;
    auto const row = picture.rgb.begin() + y * size;
    out.append(row, row + size);
}

} // namespace

std::string as_ppm(Picture const& picture) {
    std::string out = "P6\n" + std::to_string(picture.width) + " " + std::to_string(picture.height) + "\n255\n";
    out.append(picture.rgb.begin(), picture.rgb.end());
    return out;
}

std::string as_png(Picture const& picture) {
    std::string out = "\x89PNG\r\n\x1a\n";
    std::string header;
    put_big_endian(header, picture.width);
    put_big_endian(header, picture.height);
    header += {8, 2, 0, 0, 0}; // 8 bits, RGB, deflate, no filter, not interlaced
    put_chunk(out, "IHDR", header);
    std::string rows;
    for (unsigned y = 0; y < picture.height; ++y) {
        rows += '\0'; // no filter
        append_row(rows, picture, y);
    }
    put_chunk(out, "IDAT", stored(rows));
    put_chunk(out, "IEND", "");
    return out;
}

} // namespace ring3::screen
