#include "monitor/devices/fpu_error.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(FpuError, latches_irq_13_until_port_f0_is_written) {
    OpenLine irq;
    FpuError chip{irq};
    chip.set_ferr(true);
    EXPECT_TRUE(irq.level());
    EXPECT_FALSE(chip.ignne());
    chip.write(0, 0);
    EXPECT_FALSE(irq.level());
    EXPECT_TRUE(chip.ignne());
    chip.set_ferr(false);
    EXPECT_FALSE(chip.ignne());
}

} // namespace
} // namespace ring3
