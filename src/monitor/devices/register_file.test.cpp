#include "monitor/devices/register_file.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(RegisterFile, keeps_bytes) {
    RegisterFile<16> file;
    file.write(0, 0x42);
    EXPECT_EQ(file.read(0), 0x42);
    EXPECT_EQ(file.read(1), 0x00);
}

} // namespace
} // namespace ring3
