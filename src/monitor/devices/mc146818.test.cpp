#include "monitor/devices/mc146818.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

constexpr i64 leap_eve = 1'709'251'198; // 2024-02-29 23:59:58, a Thursday
constexpr Nanoseconds second = 1'000'000'000;

class RtcTest : public testing::Test {
protected:
    u8 get(u8 index) {
        rtc.write(0, index);
        return rtc.read(1);
    }
    void set(u8 index, u8 value) {
        rtc.write(0, index);
        rtc.write(1, value);
    }
    void advance(Nanoseconds by) {
        clock.advance(by);
        queue.run_expired();
    }
    std::string date() {
        char text[32];
        std::snprintf(text, sizeof text, "%02x%02x-%02x-%02x %02x:%02x:%02x/%x", get(0x32), get(9), get(8), get(7),
                      get(4), get(2), get(0), get(6));
        return text;
    }
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine irq8;
    Mc146818 rtc{queue, irq8, leap_eve};
};

TEST_F(RtcTest, shows_the_epoch_and_carries_it_on) {
    EXPECT_EQ(date(), "2024-02-29 23:59:58/5");
    advance(2 * second);
    EXPECT_EQ(date(), "2024-03-01 00:00:00/6");
    advance(400 * 86'400 * second);
    EXPECT_EQ(date(), "2025-04-05 00:00:00/7");
    EXPECT_EQ(queue.next_deadline(), Timer::never) << "nobody asked for interrupts: nothing ticks";
}

TEST_F(RtcTest, time_that_passed_elsewhere_is_made_up_for) {
    rtc.skip(3600 * second + second / 2); // longer than the machine runs
    EXPECT_EQ(date(), "2024-03-01 00:59:58/6");
    advance(second / 2);
    EXPECT_EQ(date(), "2024-03-01 00:59:59/6");
    set(1, 0xff), set(3, 0xff), set(5, 0x01); // an alarm at any second of 1 o'clock
    get(0x0c);
    rtc.skip(3600 * second);
    EXPECT_TRUE(get(0x0c) & 0x20);
    set(0x0b, get(0x0b) | 0x80); // SET: the registers stand still
    rtc.skip(3600 * second);
    EXPECT_EQ(date(), "2024-03-01 01:59:59/6");
}

TEST_F(RtcTest, binary_and_12_hour_formats) {
    set(0x0b, 0x06); // binary, 24 hours
    EXPECT_EQ(get(2), 0x59) << "a change of format changes no register: the guest writes them anew";
    set(4, 13);
    set(2, 59);
    set(0, 59);
    advance(second);
    EXPECT_EQ(get(4), 14);
    EXPECT_EQ(get(2), 0);
    set(0x0b, 0x00); // BCD, 12 hours
    set(4, 0x92);    // 12 PM
    set(2, 0x59);
    set(0, 0x59);
    advance(second);
    EXPECT_EQ(get(4), 0x81) << "1 PM";
    set(4, 0x12); // 12 AM: midnight
    set(2, 0x59);
    set(0, 0x59);
    advance(second);
    EXPECT_EQ(get(4), 0x01);
}

TEST_F(RtcTest, set_freezes_the_registers) {
    set(0x0b, 0x82);
    advance(10 * second);
    EXPECT_EQ(date(), "2024-02-29 23:59:58/5");
    set(0, 0x30);
    set(0x0b, 0x02);
    advance(second);
    EXPECT_EQ(get(0), 0x31);
}

TEST_F(RtcTest, update_in_progress_shows_before_each_second) {
    EXPECT_EQ(get(0x0a), 0x26);
    advance(second - 2'228'001);
    EXPECT_EQ(get(0x0a), 0x26);
    advance(1);
    EXPECT_EQ(get(0x0a), 0xa6);
    advance(2'228'000);
    EXPECT_EQ(get(0x0a), 0x26);
    EXPECT_EQ(get(0), 0x59);
    set(0x0b, 0x82);
    advance(second - 1);
    EXPECT_EQ(get(0x0a), 0x26) << "not while SET holds the clock";
}

TEST_F(RtcTest, the_divider_reset_starts_half_a_second_early) {
    set(0x0a, 0x76);
    advance(3 * second);
    EXPECT_EQ(get(0), 0x58);
    set(0x0a, 0x26);
    advance(second / 2 - 1);
    EXPECT_EQ(get(0), 0x58);
    advance(1);
    EXPECT_EQ(get(0), 0x59);
}

TEST_F(RtcTest, update_interrupt) {
    set(0x0b, 0x12);
    advance(second - 1);
    EXPECT_FALSE(irq8.level());
    advance(1);
    EXPECT_TRUE(irq8.level());
    EXPECT_EQ(get(0x0c) & 0x90, 0x90);
    EXPECT_FALSE(irq8.level());
    EXPECT_EQ(get(0x0c) & 0x90, 0) << "reading cleared it";
    set(0x0b, 0x92);
    EXPECT_EQ(get(0x0b), 0x82) << "SET clears UIE";
}

TEST_F(RtcTest, alarm_interrupt) {
    set(1, 0x01);
    set(3, 0x00);
    set(5, 0x00);
    set(0x0b, 0x22);
    advance(2 * second);
    EXPECT_FALSE(irq8.level());
    advance(second);
    EXPECT_TRUE(irq8.level());
    EXPECT_EQ(get(0x0c) & 0xb0, 0xb0);
    set(1, 0xff); // any second, any minute, any hour
    set(3, 0xc0);
    set(5, 0xff);
    advance(second);
    EXPECT_TRUE(irq8.level());
}

TEST_F(RtcTest, an_alarm_that_nobody_enabled_shows_in_its_flag) {
    set(1, 0x00);
    set(3, 0x30);
    set(5, 0x07);
    advance(7 * 3600 * second);
    EXPECT_EQ(get(0x0c) & 0x20, 0);
    advance(3600 * second);
    EXPECT_EQ(get(0x0c) & 0xa0, 0x20);
}

TEST_F(RtcTest, periodic_interrupt_at_1024_hertz) {
    set(0x0b, 0x42);
    unsigned interrupts = 0;
    for (int i = 0; i < 10'000; ++i) {
        advance(100'000);
        if (irq8.level()) {
            ++interrupts;
            EXPECT_EQ(get(0x0c) & 0xc0, 0xc0);
        }
    }
    EXPECT_EQ(interrupts, 1024u);
    set(0x0a, 0x20); // no rate
    advance(second);
    EXPECT_FALSE(irq8.level());
}

TEST_F(RtcTest, periodic_flag_without_interrupt) {
    set(0x0a, 0x2f); // 2 Hz
    EXPECT_EQ(get(0x0c) & 0x40, 0);
    advance(second / 2);
    EXPECT_EQ(get(0x0c) & 0xc0, 0x40);
    EXPECT_EQ(get(0x0c) & 0x40, 0);
}

TEST_F(RtcTest, registers_c_and_d_are_read_only_and_cmos_is_not) {
    set(0x0d, 0x00);
    EXPECT_EQ(get(0x0d), 0x80);
    set(0x0c, 0xff);
    EXPECT_EQ(get(0x0c), 0x00);
    set(0x7f, 0x5a);
    EXPECT_EQ(get(0x7f), 0x5a);
    EXPECT_EQ(get(0xff), 0x5a) << "bit 7 of the index is the NMI mask";
    EXPECT_TRUE(rtc.nmi_masked());
    EXPECT_EQ(rtc.read(0), 0xff);
}

TEST_F(RtcTest, nonsense_in_the_registers_does_no_harm) {
    for (u8 index = 0; index < 10; ++index) set(index, 0xff);
    set(0x32, 0xff);
    advance(1000 * second);
    for (u8 index = 0; index < 10; ++index) get(index);
    advance(1000 * 86'400 * second);
    get(0);
}

TEST(Rtc, epochs_out_of_range_are_cut) {
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine irq8;
    Mc146818 low{queue, irq8, std::numeric_limits<i64>::min()};
    Mc146818 high{queue, irq8, std::numeric_limits<i64>::max()};
    high.write(0, 0x09);
    EXPECT_EQ(high.read(1), 0x99);
}

} // namespace
} // namespace ring3
