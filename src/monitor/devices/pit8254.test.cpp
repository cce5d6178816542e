#include "monitor/devices/pit8254.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

class PitTest : public testing::Test {
protected:
    void program(unsigned counter, unsigned mode, u16 count, bool bcd = false) {
        pit.write(3, static_cast<u8>(counter << 6 | 0x30 | mode << 1 | (bcd ? 1 : 0)));
        pit.write(static_cast<u16>(counter), static_cast<u8>(count));
        pit.write(static_cast<u16>(counter), static_cast<u8>(count >> 8));
    }
    u16 count(unsigned counter) {
        pit.write(3, static_cast<u8>(counter << 6));
        u8 const low = pit.read(static_cast<u16>(counter));
        return static_cast<u16>(low | pit.read(static_cast<u16>(counter)) << 8);
    }
    u8 status(unsigned counter) {
        pit.write(3, static_cast<u8>(0xe0 | 2 << counter));
        return pit.read(static_cast<u16>(counter));
    }
    /// Goes to `ticks` after the tick at which time stands, at its beginning.
    void ticks(u64 n) {
        u64 const target = Pit8254::frequency.ticks(clock.now()) + n;
        clock.advance(Pit8254::frequency.time_of(target) - clock.now());
        queue.run_expired();
    }
    std::string waveform(unsigned length) {
        std::string out;
        for (unsigned i = 0; i < length; ++i) {
            out += pit.output2() ? '-' : '_';
            ticks(1);
        }
        return out;
    }
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine irq0;
    Pit8254 pit{queue, irq0};
};

TEST_F(PitTest, the_frequency_is_exact_over_hours) {
    Frequency const f = Pit8254::frequency;
    EXPECT_EQ(f.ticks(3'600'000'000'000), u64{1'193'182} * 3600);
    EXPECT_EQ(f.ticks(f.time_of(123'456'789'012)), 123'456'789'012u);
    EXPECT_LT(f.ticks(f.time_of(123'456'789'012) - 1), 123'456'789'012u);
}

TEST_F(PitTest, mode_0_raises_out_once_after_n_plus_one_ticks) {
    pit.set_gate2(true);
    program(2, 0, 4);
    EXPECT_EQ(waveform(8), "_____---");
}

TEST_F(PitTest, mode_0_waits_while_the_gate_is_low) {
    pit.set_gate2(true);
    program(2, 0, 10);
    ticks(4);
    EXPECT_EQ(count(2), 7);
    pit.set_gate2(false);
    ticks(100);
    EXPECT_EQ(count(2), 7);
    pit.set_gate2(true);
    ticks(2);
    EXPECT_EQ(count(2), 5);
}

TEST_F(PitTest, mode_1_is_a_retriggerable_one_shot) {
    pit.set_gate2(false);
    program(2, 1, 3);
    EXPECT_EQ(waveform(3), "---");
    pit.set_gate2(true);
    EXPECT_EQ(waveform(6), "-___--");
    pit.set_gate2(false);
    pit.set_gate2(true);
    ticks(2);
    pit.set_gate2(false);
    pit.set_gate2(true); // again, in the middle
    EXPECT_EQ(waveform(5).substr(1), "___-");
}

TEST_F(PitTest, mode_2_is_low_for_the_last_tick_of_each_period) {
    pit.set_gate2(true);
    program(2, 2, 4);
    ticks(1);
    EXPECT_EQ(waveform(9), "---_---_-");
    EXPECT_EQ(count(2), 3);
}

TEST_F(PitTest, mode_2_takes_a_new_count_at_the_end_of_the_period) {
    pit.set_gate2(true);
    program(2, 2, 4);
    ticks(1);
    pit.write(2, 3);
    pit.write(2, 0);
    EXPECT_EQ(status(2) & 0x40, 0x40) << "null count: not loaded yet";
    EXPECT_EQ(waveform(10), "---_--_--_");
    EXPECT_EQ(status(2) & 0x40, 0);
}

TEST_F(PitTest, mode_3_is_a_square_wave) {
    pit.set_gate2(true);
    program(2, 3, 4);
    ticks(1);
    EXPECT_EQ(waveform(8), "--__--__");
    program(2, 3, 5);
    ticks(1);
    EXPECT_EQ(waveform(10), "---__---__");
}

TEST_F(PitTest, mode_3_counts_by_twos_and_takes_a_new_count_after_a_half) {
    pit.set_gate2(true);
    program(2, 3, 8);
    ticks(1);
    EXPECT_EQ(count(2), 8);
    ticks(1);
    EXPECT_EQ(count(2), 6);
    pit.write(2, 4);
    pit.write(2, 0);
    EXPECT_EQ(waveform(9), "---__--__");
}

TEST_F(PitTest, the_gate_stops_and_restarts_modes_2_and_3) {
    pit.set_gate2(true);
    program(2, 2, 3);
    ticks(3);
    EXPECT_FALSE(pit.output2());
    pit.set_gate2(false);
    EXPECT_TRUE(pit.output2()) << "OUT is forced high at once";
    ticks(50);
    pit.set_gate2(true);
    ticks(1);
    EXPECT_EQ(waveform(4), "--_-");
}

TEST_F(PitTest, modes_4_and_5_strobe_once) {
    pit.set_gate2(true);
    program(2, 4, 3);
    EXPECT_EQ(waveform(7), "----_--");
    pit.set_gate2(false);
    program(2, 5, 3);
    EXPECT_EQ(waveform(6), "------");
    pit.set_gate2(true);
    EXPECT_EQ(waveform(7), "----_--");
}

TEST_F(PitTest, counts_in_bcd) {
    pit.set_gate2(true);
    program(2, 0, 0x1000, true);
    ticks(2);
    EXPECT_EQ(count(2), 0x0999);
    program(2, 0, 0, true); // 10,000
    ticks(2);
    EXPECT_EQ(count(2), 0x9999);
}

TEST_F(PitTest, a_latched_count_holds_until_it_is_read) {
    pit.set_gate2(true);
    program(2, 0, 1000);
    ticks(101);
    pit.write(3, 0x80);
    ticks(50);
    pit.write(3, 0x80); // ignored
    u8 const low = pit.read(2);
    EXPECT_EQ(low | pit.read(2) << 8, 900);
    EXPECT_EQ(count(2), 850);
}

TEST_F(PitTest, read_back_latches_status_and_count) {
    pit.set_gate2(true);
    program(2, 0, 100);
    ticks(11);
    pit.write(3, 0xc8); // both, counter 2
    EXPECT_EQ(pit.read(2), 0x30) << "OUT low, loaded, low then high byte, mode 0";
    u8 const low = pit.read(2);
    EXPECT_EQ(low | pit.read(2) << 8, 90);
    ticks(100);
    EXPECT_EQ(status(2), 0xb0);
}

TEST_F(PitTest, single_byte_access_modes) {
    pit.set_gate2(true);
    pit.write(3, 0x90); // counter 2, low byte, mode 0
    pit.write(2, 0x40);
    ticks(1);
    EXPECT_EQ(pit.read(2), 0x40);
    pit.write(3, 0xa0); // high byte
    pit.write(2, 0x12);
    ticks(2);
    EXPECT_EQ(pit.read(2), 0x11);
}

TEST_F(PitTest, counter_0_interrupts_periodically) {
    program(0, 2, 1193);
    unsigned const before = irq0.rises();
    for (int i = 0; i < 1000; ++i) {
        clock.advance(1'000'000);
        queue.run_expired();
    }
    EXPECT_NEAR(irq0.rises() - before, 1000, 1);
    EXPECT_EQ(pit.lost_ticks(), 0u);
}

TEST_F(PitTest, one_shot_modes_interrupt_once) {
    program(0, 0, 1000);
    EXPECT_FALSE(irq0.level());
    ticks(1000);
    EXPECT_FALSE(irq0.level());
    ticks(1);
    EXPECT_TRUE(irq0.level());
    ticks(200'000);
    EXPECT_EQ(irq0.rises(), 1u);
    EXPECT_EQ(queue.next_deadline(), Timer::never);
}

TEST_F(PitTest, edges_of_a_late_monitor_follow_at_twice_the_rate) {
    program(0, 2, 1193);
    clock.advance(50'000'000); // 50 periods at one stroke
    unsigned const before = irq0.rises();
    queue.run_expired();
    EXPECT_EQ(irq0.rises() - before, 1u) << "no storm";
    for (int i = 0; i < 1000; ++i) {
        clock.advance(100'000);
        queue.run_expired();
    }
    EXPECT_NEAR(irq0.rises() - before, 150, 2) << "none lost";
}

TEST_F(PitTest, what_is_owed_for_more_than_a_second_is_counted_as_lost) {
    program(0, 2, 1193);
    clock.advance(5'000'000'000);
    queue.run_expired();
    EXPECT_NEAR(static_cast<double>(pit.lost_ticks()), 4000, 10);
}

TEST_F(PitTest, the_shortest_periods_neither_hang_nor_divide_by_zero) {
    for (u16 const count : {u16{1}, u16{2}, u16{3}})
        for (unsigned mode = 0; mode < 8; ++mode) {
            program(0, mode, count);
            clock.advance(10'000'000);
            queue.run_expired();
            EXPECT_GT(queue.next_deadline(), clock.now());
        }
}

TEST_F(PitTest, port_61_shows_gate_out_and_refresh) {
    Port61 port{clock, pit};
    port.write(0, 0x01);
    program(2, 0, 1000);
    EXPECT_EQ(port.read(0) & 0x2f, 0x01);
    ticks(1001);
    EXPECT_EQ(port.read(0) & 0x2f, 0x21);
    unsigned toggles = 0;
    u8 last = port.read(0);
    for (int i = 0; i < 1000; ++i) {
        clock.advance(1'000);
        u8 const next = port.read(0);
        toggles += ((next ^ last) & 0x10) != 0;
        last = next;
    }
    EXPECT_NEAR(toggles, 66, 1) << "every 15.085 us";
}

} // namespace
} // namespace ring3
