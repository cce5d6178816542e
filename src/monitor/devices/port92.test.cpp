#include "monitor/devices/port92.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(Port92, drives_a20_and_resets_on_a_rise) {
    OpenLine a20, reset;
    Port92 port{a20, reset};
    port.write(0, 0x02);
    EXPECT_TRUE(a20.level());
    EXPECT_EQ(port.read(0), 0x02);
    port.write(0, 0x03);
    port.write(0, 0x03);
    EXPECT_EQ(reset.rises(), 1u);
}

} // namespace
} // namespace ring3
