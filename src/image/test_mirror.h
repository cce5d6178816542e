// The same random operations on an image and on plain memory.
#pragma once

#include "image/image.h"
#include "image/segments.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace ring3::image {

/// The disk as it should be, beside the disk as it is: the same random operations on both.
class Mirror {
public:
    Mirror(u64 size, unsigned seed) : bytes_(size), random_{seed} {}

    void step(Image& image) {
        switch (random_() % 12) {
        case 0: zero(image); break;
        case 1: discard(image); break;
        case 2: ASSERT_TRUE(image.flush()); break;
        case 3:
        case 4: read(image); break;
        default: write(image); break;
        }
    }
    void compare(Image& image) {
        std::vector<u8> all(bytes_.size());
        ASSERT_TRUE(image.read(0, std::span{all}));
        ASSERT_TRUE(all == bytes_);
    }
    void load(Image& image) { ASSERT_TRUE(image.read(0, std::span{bytes_})); }

private:
    struct Range {
        u64 offset{}, bytes{};
    };
    Range pick() {
        u64 const most = random_() % 8 == 0 ? 300000 : 9000;
        u64 const offset = random_() % bytes_.size();
        return {offset, std::min<u64>(random_() % most + 1, bytes_.size() - offset)};
    }
    void write(Image& image) {
        auto const [offset, bytes] = pick();
        std::vector<u8> data(bytes);
        for (auto& byte : data) byte = static_cast<u8>(random_());
        u64 const cut = random_() % (bytes + 1);
        iovec const pieces[] = {segment_of(std::span{data}.first(cut)), segment_of(std::span{data}.subspan(cut))};
        auto const written = image.write(offset, Segments{pieces});
        ASSERT_TRUE(written) << written.error().message;
        std::ranges::copy(data, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void zero(Image& image) {
        auto const [offset, bytes] = pick();
        ASSERT_TRUE(image.write_zeroes(offset, bytes, random_() % 2 == 0 ? Unmap::yes : Unmap::no));
        std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), bytes, u8{0});
    }
    void discard(Image& image) {
        auto const [offset, bytes] = pick();
        ASSERT_TRUE(image.discard(offset, bytes));
        // Old bytes or zeroes: look which.
        auto const area = std::span{bytes_}.subspan(offset, bytes);
        std::vector<u8> now(bytes);
        ASSERT_TRUE(image.read(offset, std::span{now}));
        for (u64 n = 0; n < bytes; ++n) ASSERT_TRUE(now[n] == area[n] || now[n] == 0);
        std::ranges::copy(now, area.begin());
    }
    void read(Image& image) {
        auto const [offset, bytes] = pick();
        std::vector<u8> now(bytes);
        ASSERT_TRUE(image.read(offset, std::span{now}));
        ASSERT_TRUE(std::equal(now.begin(), now.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset)));
    }

    std::vector<u8> bytes_;
    std::mt19937 random_;
};

} // namespace ring3::image
