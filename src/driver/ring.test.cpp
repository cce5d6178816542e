#include "driver/ring.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace ring3::driver {
namespace {

struct RingTest : ::testing::Test {
    RingPositions positions;
    std::vector<u8> memory = std::vector<u8>(64);
    RingWriter writer{positions, memory};
    RingReader reader{positions, memory};
};

TEST_F(RingTest, bytes_come_out_as_they_went_in_across_the_wrap) {
    std::vector<u8> piece(24);
    std::iota(piece.begin(), piece.end(), u8{1});
    for (int round = 0; round < 20; ++round) {
        ASSERT_GE(writer.room(), piece.size());
        writer.put(piece);
        writer.publish();
        ASSERT_EQ(reader.available(), piece.size());
        std::vector<u8> out(piece.size());
        reader.take(out);
        reader.publish();
        ASSERT_EQ(out, piece);
    }
}

TEST_F(RingTest, nothing_is_visible_before_publish) {
    writer.put(std::vector<u8>(10));
    EXPECT_EQ(reader.available(), 0u);
    writer.publish();
    EXPECT_EQ(reader.available(), 10u);
}

TEST_F(RingTest, a_full_ring_has_no_room) {
    writer.put(std::vector<u8>(64));
    writer.publish();
    EXPECT_EQ(writer.room(), 0u);
    EXPECT_EQ(reader.available(), 64u);
}

TEST_F(RingTest, positions_may_wrap_around_32_bits) {
    std::vector<u8> out(32);
    positions.written = positions.read = 0;
    for (u64 moved = 0; moved < 4096; moved += 32) {
        writer.put(out);
        writer.publish();
        reader.take(out);
        reader.publish();
    }
    EXPECT_EQ(writer.room(), 64u);
}

TEST_F(RingTest, an_impossible_written_position_is_noticed) {
    positions.written = 65;
    EXPECT_FALSE(reader.available());
    positions.written = ~u32{};
    EXPECT_FALSE(reader.available());
}

TEST_F(RingTest, a_reader_that_claims_the_future_gets_nothing) {
    positions.read = 1;
    EXPECT_EQ(writer.room(), 0u);
}

TEST_F(RingTest, an_end_does_not_read_its_own_position_back) {
    writer.put(std::vector<u8>(10));
    writer.publish();
    std::vector<u8> out(10);
    reader.take(out);
    positions.read = 12345; // the peer scribbles
    EXPECT_EQ(reader.available(), 0u);
    reader.publish();
    EXPECT_EQ(positions.read, 10u);
}

} // namespace
} // namespace ring3::driver
