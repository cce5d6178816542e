#include "monitor/devices/bus/mmio_bus.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct Echo final : MmioDevice {
    u64 last_offset{}, last_value{};
    unsigned last_bytes{};
    u64 read(u64 offset, unsigned bytes) override {
        last_offset = offset, last_bytes = bytes;
        return 0x1111'2222'3333'4444;
    }
    void write(u64 offset, u64 value, unsigned bytes) override {
        last_offset = offset, last_value = value, last_bytes = bytes;
    }
};

TEST(MmioBus, unclaimed_addresses_read_as_ones_and_swallow_writes) {
    MmioBus bus;
    EXPECT_EQ(bus.read({0xe000'0000}, 1), 0xffu);
    EXPECT_EQ(bus.read({0xe000'0000}, 8), ~u64{});
    bus.write({~u64{}}, 1, 8);
}

TEST(MmioBus, devices_get_offsets) {
    MmioBus bus;
    Echo echo;
    ASSERT_TRUE(bus.claim({{0x1'0000'1000}, 0x1000}, echo));
    EXPECT_EQ(bus.read({0x1'0000'1008}, 8), 0x1111'2222'3333'4444u);
    EXPECT_EQ(echo.last_offset, 8u);
    bus.write({0x1'0000'1ffc}, 7, 4);
    EXPECT_EQ(echo.last_offset, 0xffcu);
    EXPECT_EQ(echo.last_value, 7u);
}

TEST(MmioBus, accesses_across_a_range_end_fall_apart) {
    MmioBus bus;
    Echo echo;
    ASSERT_TRUE(bus.claim({{0x1000}, 0x10}, echo));
    EXPECT_EQ(bus.read({0x100e}, 4) >> 16, 0xffffu);
    EXPECT_EQ(echo.last_bytes, 1u);
    EXPECT_EQ(bus.read({0x0ffe}, 4) & 0xffff, 0xffffu);
}

TEST(MmioBus, ranges_do_not_overlap_or_wrap) {
    MmioBus bus;
    Echo a, b;
    ASSERT_TRUE(bus.claim({{0x1000}, 0x1000}, a));
    EXPECT_FALSE(bus.claim({{0x1fff}, 1}, b));
    EXPECT_FALSE(bus.claim({{0x0fff}, 2}, b));
    EXPECT_FALSE(bus.claim({{0x3000}, 0}, b));
    EXPECT_FALSE(bus.claim({{~u64{}}, 2}, b));
    EXPECT_TRUE(bus.claim({{~u64{}}, 1}, b));
    EXPECT_EQ(bus.read({~u64{} - 1}, 4) & 0xff, 0xffu);
    bus.release({{0x1000}, 0x1000});
    EXPECT_TRUE(bus.claim({{0x1800}, 0x1000}, a));
}

} // namespace
} // namespace ring3
