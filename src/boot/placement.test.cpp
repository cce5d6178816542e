#include "boot/placement.h"

#include <gtest/gtest.h>

namespace ring3::boot {
namespace {

class PlacementTest : public testing::Test {
protected:
    std::vector<u8> ram_ = std::vector<u8>(0x20'0000);
    Placement placement_{GuestMemory{ram_, {}}};
};

TEST_F(PlacementTest, a_place_can_be_taken_once) {
    EXPECT_EQ(placement_.claim(0x1000, 0x1000), Claim::granted);
    EXPECT_EQ(placement_.claim(0x1fff, 1), Claim::overlaps);
    EXPECT_EQ(placement_.claim(0, 0x1001), Claim::overlaps);
    EXPECT_EQ(placement_.claim(0x2000, 1), Claim::granted);
    EXPECT_EQ(placement_.claim(0, 0x1000), Claim::granted);
}

TEST_F(PlacementTest, only_ram_can_be_taken) {
    EXPECT_EQ(placement_.claim(0x9'f000, 0x1000), Claim::outside_ram) << "into the EBDA";
    EXPECT_EQ(placement_.claim(0x1f'ffff, 2), Claim::outside_ram) << "over the end";
    EXPECT_EQ(placement_.claim(~u64{0}, 2), Claim::outside_ram) << "around the end of all addresses";
    EXPECT_EQ(placement_.claim(0x10'0000, ~u64{0}), Claim::outside_ram);
}

TEST_F(PlacementTest, the_lowest_place_goes_around_what_is_taken) {
    ASSERT_EQ(placement_.claim(0x10'0000, 0x1801), Claim::granted);
    EXPECT_EQ(placement_.lowest(0x1000, 0x1000, {0x10'0000, 0x20'0000}), 0x10'2000u);
    EXPECT_EQ(placement_.lowest(0x1000, 0x1000, {0x9'f000, 0x20'0000}), 0x10'3000u);
    EXPECT_EQ(placement_.lowest(0x20'0000, 0x1000, {0, 0x20'0000}), std::nullopt);
    EXPECT_EQ(placement_.lowest(0x1000, 0x1000, {0x1f'f001, 0x20'0000}), std::nullopt);
}

TEST_F(PlacementTest, the_highest_place_goes_below_what_is_taken) {
    ASSERT_EQ(placement_.claim(0x1f'f800, 0x800), Claim::granted);
    EXPECT_EQ(placement_.highest(0x1000, 0x1000, {0, ~u64{0}}), 0x1f'e000u);
    EXPECT_EQ(placement_.highest(0x1000, 0x1000, {0, 0x1f'0000}), 0x1e'f000u);
    EXPECT_EQ(placement_.highest(0x1000, 0x1000, {0x1f'f000, ~u64{0}}), std::nullopt);
    EXPECT_EQ(placement_.highest(~u64{0}, 0x1000, {0, ~u64{0}}), std::nullopt);
}

} // namespace
} // namespace ring3::boot
