#include "monitor/cpu/segment.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(Descriptor, splits_as_sdm_3a_figure_3_8_says) {
    Descriptor const flat_code{0x00cf'9b00'0000'ffff};
    EXPECT_EQ(flat_code.base(), 0u);
    EXPECT_EQ(flat_code.limit(), 0xffff'ffffu);
    EXPECT_TRUE(flat_code.rights().is_code());
    EXPECT_TRUE(flat_code.rights().has<SegmentRights::DB>());
    Descriptor const scattered{0x1240'9234'5678'9abc};
    EXPECT_EQ(scattered.base(), 0x1234'5678u);
    EXPECT_EQ(scattered.limit(), 0x0'9abcu);
}

TEST(Segment, expand_up_is_valid_up_to_its_limit) {
    auto const segment = Segment::from_descriptor({{8}}, {0x0040'9200'0000'0fff});
    EXPECT_EQ(segment.lowest, 0u);
    EXPECT_EQ(segment.highest, 0xfffu);
    EXPECT_TRUE(segment.writable);
}

TEST(Segment, expand_down_is_valid_above_its_limit) {
    auto const segment32 = Segment::from_descriptor({{8}}, {0x0040'9600'0000'0fff});
    EXPECT_EQ(segment32.lowest, 0x1000u);
    EXPECT_EQ(segment32.highest, 0xffff'ffffu);
    auto const segment16 = Segment::from_descriptor({{8}}, {0x0000'9600'0000'ffff});
    EXPECT_GT(segment16.lowest, segment16.highest) << "limit FFFFH leaves no valid offset";
}

TEST(Segment, execute_only_code_cannot_be_read) {
    auto const segment = Segment::from_descriptor({{8}}, {0x00cf'9800'0000'ffff});
    EXPECT_FALSE(segment.readable);
    EXPECT_FALSE(segment.writable);
}

} // namespace
} // namespace ring3
