#include "image/raw_image.h"

#include "image/test_directory.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

using namespace ring3;
using namespace ring3::image;

namespace {

std::vector<u8> counting(std::size_t bytes, u8 first) {
    std::vector<u8> result(bytes);
    std::iota(result.begin(), result.end(), first);
    return result;
}

TEST(raw_image, reads_what_was_written_in_pieces) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(8192, 'x'));
    auto const disk = open_image(path, {.format = Format::raw}).value();
    auto first = counting(300, 1), second = counting(212, 77);
    iovec const pieces[] = {{first.data(), first.size()}, {second.data(), second.size()}};
    ASSERT_TRUE(disk->write(1000, Segments{pieces}));
    std::vector<u8> back(514);
    ASSERT_TRUE(disk->read(999, std::span{back}));
    EXPECT_EQ(back.front(), 'x');
    EXPECT_TRUE(std::equal(first.begin(), first.end(), back.begin() + 1));
    EXPECT_TRUE(std::equal(second.begin(), second.end(), back.begin() + 301));
    EXPECT_EQ(back.back(), 'x');
}

TEST(raw_image, fills_up_the_last_sector_of_an_odd_file) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(1000, 'x'));
    auto const disk = open_image(path, {.format = Format::raw}).value();
    EXPECT_EQ(disk->size(), 1024);
    std::vector<u8> sector(512, 0xee);
    ASSERT_TRUE(disk->read(512, std::span{sector}));
    EXPECT_EQ(sector[487], 'x');
    EXPECT_EQ(sector[488], 0);
    ASSERT_TRUE(disk->write(512, std::span<u8 const>{sector}));
    EXPECT_EQ(directory.read_file("disk").size(), 1024);
}

TEST(raw_image, refuses_what_lies_beyond_its_end) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(1024, 'x'));
    auto const disk = open_image(path, {.format = Format::raw}).value();
    std::vector<u8> bytes(512);
    EXPECT_EQ(disk->read(513, std::span{bytes}).error().fault, Fault::out_of_range);
    EXPECT_EQ(disk->write(~u64{511}, std::span<u8 const>{bytes}).error().fault, Fault::out_of_range);
    EXPECT_TRUE(disk->read(512, std::span{bytes}));
}

TEST(raw_image, refuses_writes_when_open_for_reading) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(1024, 'x'));
    auto const disk = open_image(path, {.format = Format::raw, .access = Access::read_only}).value();
    std::vector<u8> bytes(512);
    EXPECT_EQ(disk->write(0, std::span<u8 const>{bytes}).error().fault, Fault::read_only);
    EXPECT_EQ(disk->discard(0, 512).error().fault, Fault::read_only);
    EXPECT_TRUE(disk->flush());
}

TEST(raw_image, does_not_let_a_guest_change_a_guessed_format) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(1024, 'x'));
    std::vector<u8> const header{'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
    {
        auto const disk = open_image(path, {}).value();
        EXPECT_EQ(disk->write(0, std::span<u8 const>{header}).error().fault, Fault::read_only);
        EXPECT_TRUE(disk->write(0, std::span{header}.first(2)));
        EXPECT_EQ(disk->write(2, std::span{header}.subspan(2)).error().fault, Fault::read_only);
    }
    auto const disk = open_image(path, {.format = Format::raw}).value();
    EXPECT_TRUE(disk->write(0, std::span<u8 const>{header}));
}

TEST(raw_image, goes_past_the_page_cache_with_any_alignment) {
    TestDirectory const directory{TestDirectory::Place::disk};
    auto const path = directory.write_file("disk", std::string(10000, 'x'));
    auto opened = open_image(path, {.format = Format::raw, .cache = CacheMode::none});
    if (!opened) GTEST_SKIP() << opened.error().message;
    auto const bytes = counting(5000, 3);
    ASSERT_TRUE((*opened)->write(4001, std::span<u8 const>{bytes}));
    std::vector<u8> back(5002);
    ASSERT_TRUE((*opened)->read(4000, std::span{back}));
    EXPECT_EQ(back.front(), 'x');
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), back.begin() + 1));
    EXPECT_EQ(back.back(), 'x');
    EXPECT_EQ(directory.read_file("disk").size(), 10000);
}

TEST(raw_image, writes_zeroes_and_shows_holes) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(1 << 20, 'x'));
    auto const disk = open_image(path, {.format = Format::raw}).value();
    ASSERT_TRUE(disk->write_zeroes(65536, 131072));
    std::vector<u8> back(131074, 1);
    ASSERT_TRUE(disk->read(65535, std::span{back}));
    EXPECT_EQ(back.front(), 'x');
    EXPECT_TRUE(std::all_of(back.begin() + 1, back.end() - 1, [](u8 byte) { return byte == 0; }));
    EXPECT_EQ(back.back(), 'x');
    auto const extent = disk->extent_at(0, disk->size()).value();
    EXPECT_TRUE(extent.has_data);
}

TEST(raw_image, can_be_one_that_is_thrown_away) {
    auto const disk = throw_away_image(3 << 20).value();
    EXPECT_EQ(disk->size(), u64{3} << 20);
    auto const bytes = counting(5000, 3);
    ASSERT_TRUE(disk->write((3 << 20) - 5000, std::span<u8 const>{bytes}));
    std::vector<u8> back(5001, 1);
    ASSERT_TRUE(disk->read((3 << 20) - 5001, std::span{back}));
    EXPECT_EQ(back.front(), 0);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), back.begin() + 1));
}

TEST(file_lock, lets_one_write_or_many_read) {
    TestDirectory const directory;
    auto const path = directory.write_file("disk", std::string(1024, 'x'));
    {
        auto const writer = open_image(path, {.format = Format::raw}).value();
        EXPECT_FALSE(open_image(path, {.format = Format::raw}));
        EXPECT_FALSE(open_image(path, {.format = Format::raw, .access = Access::read_only}));
        EXPECT_TRUE(open_image(path, {.format = Format::raw, .locking = Locking::off}));
    }
    auto const reader = open_image(path, {.access = Access::read_only}).value();
    EXPECT_TRUE(open_image(path, {.access = Access::read_only}));
    EXPECT_FALSE(open_image(path, {.format = Format::raw}));
}

} // namespace
