#include "monitor/devices/acpi_pm.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct Power final : PowerSwitch {
    int offs{};
    void power_off() override { ++offs; }
    void reset() override {}
    void debug_exit(u32) override {}
    void set_exit_status(u8) override {}
    void input_wanted() override {}
};

enum Register : u16 { status = 0, enable = 2, control = 4, timer = 8, gpe_status = 0x0c, gpe_enable = 0x0e };

class PmTest : public testing::Test {
protected:
    u32 get(u16 offset, unsigned bytes = 2) { return pm.read_wide(offset, bytes); }
    void set(u16 offset, u32 value) { pm.write_wide(offset, value, 2); }
    void advance(Nanoseconds by) {
        clock.advance(by);
        queue.run_expired();
    }
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine sci;
    Power power;
    AcpiPm pm{queue, sci, power};
};

TEST_F(PmTest, the_timer_counts_24_bits_at_3_579545_megahertz) {
    EXPECT_EQ(get(timer, 4), 0u);
    advance(1'000'000'000);
    EXPECT_EQ(get(timer, 4), 3'579'545u);
    advance(4'000'000'000);
    EXPECT_EQ(get(timer, 4), 5 * 3'579'545u % (1u << 24));
    EXPECT_EQ(pm.read(timer), 5 * 3'579'545u % 256);
    pm.write_wide(timer, 0, 4);
    EXPECT_NE(get(timer, 4), 0u) << "read-only";
}

/// A host on which time goes on between any two looks at the clock.
struct RunningClock final : Clock {
    Nanoseconds now() const override { return now_ += 1'000; }
    mutable Nanoseconds now_{};
};

TEST(PmTimer, its_bytes_belong_together) {
    RunningClock clock;
    TimerQueue queue{clock};
    OpenLine sci;
    Power power;
    AcpiPm pm{queue, sci, power};
    u32 last = 0;
    for (int i = 0; i < 10'000; ++i) {
        u32 const now = pm.read_wide(timer, 4);
        ASSERT_GE(now, last);
        ASSERT_LT(now, last + 256);
        last = now;
    }
}

TEST_F(PmTest, timer_status_is_set_when_the_top_bit_changes) {
    set(control, 1);
    set(enable, 0x0001);
    advance(2'343'000'000); // 2^23 / 3.579545 MHz = 2.3435 s
    EXPECT_FALSE(sci.level());
    advance(1'000'000);
    EXPECT_TRUE(sci.level());
    EXPECT_EQ(get(status), 0x0001u);
    set(status, 0x0001);
    EXPECT_FALSE(sci.level());
    advance(2'344'000'000);
    EXPECT_TRUE(sci.level()) << "the other direction too";
}

TEST_F(PmTest, the_power_button_raises_the_sci_if_enabled) {
    pm.press_power_button();
    EXPECT_EQ(get(status), 0x0100u);
    EXPECT_FALSE(sci.level());
    set(enable, 0x0100);
    EXPECT_FALSE(sci.level()) << "not in ACPI mode yet";
    pm.smi_command(AcpiPm::enable_command);
    EXPECT_EQ(get(control), 0x0001u);
    EXPECT_TRUE(sci.level());
    set(status, 0x0100);
    EXPECT_FALSE(sci.level());
    pm.smi_command(AcpiPm::disable_command);
    EXPECT_EQ(get(control), 0x0000u);
}

TEST_F(PmTest, s5_powers_off_and_slp_en_is_not_kept) {
    set(control, 0x3c01); // type 7: no such state here
    EXPECT_EQ(power.offs, 0);
    EXPECT_EQ(get(control), 0x1c01u);
    set(control, 0x2001);
    EXPECT_EQ(power.offs, 1);
    EXPECT_EQ(get(control), 0x0001u);
}

TEST_F(PmTest, byte_accesses_reach_either_half) {
    pm.write(enable + 1, 0x01);
    EXPECT_EQ(get(enable), 0x0100u);
    pm.write(enable, 0xff);
    EXPECT_EQ(get(enable), 0x0121u) << "events that exist";
    EXPECT_EQ(pm.read(enable + 1), 0x01);
}

TEST_F(PmTest, the_gpe_block_is_there_and_holes_read_zero) {
    set(gpe_enable, 0xa55a);
    EXPECT_EQ(get(gpe_enable), 0xa55au);
    set(gpe_status, 0xffff);
    EXPECT_EQ(get(gpe_status), 0u);
    EXPECT_EQ(get(0x20, 4), 0u);
    EXPECT_FALSE(sci.level());
}

TEST_F(PmTest, the_smi_command_port_keeps_its_bytes) {
    SmiCommandPort port{pm};
    port.write(1, 0x77);
    port.write(0, AcpiPm::enable_command);
    EXPECT_EQ(port.read(0), AcpiPm::enable_command);
    EXPECT_EQ(port.read(1), 0x77);
    EXPECT_EQ(get(control), 1u);
}

} // namespace
} // namespace ring3
