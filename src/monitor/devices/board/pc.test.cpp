#include "monitor/devices/board/pc.h"

#include <gtest/gtest.h>

#include <string>

namespace ring3 {
namespace {

struct Text final : CharSink {
    std::string text;
    void write(u8 c) override { text.push_back(static_cast<char>(c)); }
};

struct Power final : PowerSwitch {
    int offs{}, resets{};
    std::optional<u32> exit_value;
    std::optional<u8> status;
    int wanted{};
    void power_off() override { ++offs; }
    void reset() override { ++resets; }
    void debug_exit(u32 value) override { exit_value = value; }
    void set_exit_status(u8 value) override { status = value; }
    void input_wanted() override { ++wanted; }
};

class PcTest : public testing::Test {
protected:
    PcTest() {
        PcConfig config;
        config.ram_below_4g = 64 << 20;
        config.serial[0] = true;
        PcOutside outside;
        outside.serial[0] = &com1;
        board = std::make_unique<Pc>(config, clock, outside, power, a20);
    }
    u8 in(u16 port) { return static_cast<u8>(board->ports().read(port, 1)); }
    void out(u16 port, u8 value) { board->ports().write(port, value, 1); }
    u32 apic(u32 offset) { return static_cast<u32>(board->mmio().read({pc::local_apic + offset}, 4)); }
    void apic(u32 offset, u32 value) { board->mmio().write({pc::local_apic + offset}, value, 4); }
    void io_apic(u32 index, u32 value) {
        board->mmio().write({pc::io_apic}, index, 4);
        board->mmio().write({pc::io_apic + 0x10}, value, 4);
    }
    void advance(Nanoseconds by) {
        clock.advance(by);
        board->timers().run_expired();
    }
    void init_pics() {
        for (u16 base : {u16{0x20}, u16{0xa0}}) {
            out(base, 0x11);
            out(base + 1, base == 0x20 ? 0x20 : 0x28);
            out(base + 1, base == 0x20 ? 0x04 : 0x02);
            out(base + 1, 0x01);
            out(base + 1, 0x00);
        }
    }
    void start_timer(u16 count) {
        out(0x43, 0x34);
        out(0x40, static_cast<u8>(count));
        out(0x40, static_cast<u8>(count >> 8));
    }

    ManualClock clock;
    Text com1;
    Power power;
    OpenLine a20;
    std::unique_ptr<Pc> board;
};

TEST_F(PcTest, the_timer_ticks_from_the_start_as_firmware_leaves_it) {
    EXPECT_EQ(in(0x21), 0xfa);
    EXPECT_EQ(in(0xa1), 0xff);
    advance(54'900'000);
    EXPECT_FALSE(board->interrupt_pending());
    advance(100'000);
    ASSERT_TRUE(board->interrupt_pending());
    EXPECT_EQ(board->acknowledge_interrupt(), pc::master_vectors);
}

TEST_F(PcTest, timer_interrupts_come_through_the_8259_in_virtual_wire_mode) {
    init_pics();
    start_timer(11932); // 10 ms
    ASSERT_FALSE(board->interrupt_pending()) << "counting has only begun";
    advance(10'100'000);
    ASSERT_TRUE(board->interrupt_pending());
    EXPECT_EQ(board->acknowledge_interrupt(), 0x20);
    EXPECT_FALSE(board->interrupt_pending());
    out(0x20, 0x20);
    advance(10'000'000);
    EXPECT_EQ(board->acknowledge_interrupt(), 0x20);
}

TEST_F(PcTest, timer_interrupts_come_through_pin_2_of_the_io_apic) {
    apic(0x350, 0x1'0000); // LINT0 masked
    io_apic(0x10 + 2 * pc::timer_gsi + 1, 0);
    io_apic(0x10 + 2 * pc::timer_gsi, 0x31);
    start_timer(11932);
    advance(10'100'000);
    ASSERT_TRUE(board->interrupt_pending());
    EXPECT_EQ(board->acknowledge_interrupt(), 0x31);
    EXPECT_EQ(apic(0x110), 1u << (0x31 - 0x20));
    apic(0x0b0, 0);
    EXPECT_EQ(apic(0x110), 0u);
}

TEST_F(PcTest, the_slave_answers_for_the_clock) {
    init_pics();
    out(0x21, 1u << pc::timer_irq); // the timer runs from the start
    out(0x70, 0x0b);
    out(0x71, 0x12); // update-ended interrupt
    advance(1'000'000'000);
    ASSERT_TRUE(board->interrupt_pending());
    EXPECT_EQ(board->acknowledge_interrupt(), 0x28);
}

TEST_F(PcTest, a_disabled_apic_passes_the_8259_and_shows_no_registers) {
    init_pics();
    u64 base = 0;
    ASSERT_TRUE(board->msr_read(0x1b, base));
    EXPECT_EQ(base, 0xfee0'0900u);
    EXPECT_TRUE(board->msr_write(0x1b, base & ~u64{0x800}));
    EXPECT_EQ(apic(0x030), 0xffff'ffffu);
    start_timer(100);
    advance(1'000'000);
    EXPECT_EQ(board->acknowledge_interrupt(), 0x20);
    EXPECT_FALSE(board->msr_write(0x1b, base | 1)) << "reserved bit";
    EXPECT_FALSE(board->msr_write(0x1b, base | u64{1} << 36)) << "beyond the physical addresses";
    EXPECT_FALSE(board->msr_write(0x1c, 0));
}

TEST_F(PcTest, the_apic_page_moves) {
    ASSERT_TRUE(board->msr_write(0x1b, 0xfed0'0900));
    EXPECT_EQ(apic(0x030), 0xffff'ffffu);
    EXPECT_EQ(board->mmio().read({0xfed0'0030}, 4), 0x0005'0014u);
    ASSERT_TRUE(board->msr_write(0x1b, pc::io_apic | 0x900)) << "legal, but hidden by the I/O APIC";
    ASSERT_TRUE(board->msr_write(0x1b, pc::local_apic | 0x900));
    EXPECT_EQ(apic(0x030), 0x0005'0014u);
    board->mmio().write({pc::io_apic}, 1, 4);
    EXPECT_EQ(board->mmio().read({pc::io_apic + 0x10}, 4), 0x0017'0011u);
}

TEST_F(PcTest, an_nmi_waits_for_the_processor_and_port_70h_masks_it) {
    board->raise_nmi();
    EXPECT_TRUE(board->nmi_pending());
    board->acknowledge_nmi();
    out(0x70, 0x80);
    board->raise_nmi();
    EXPECT_FALSE(board->nmi_pending());
}

TEST_F(PcTest, s5_powers_off_and_the_button_raises_the_sci) {
    init_pics();
    out(0xb2, pc::acpi_enable);
    board->ports().write(pc::pm_base + 2, 0x100, 2);
    board->press_power_button();
    EXPECT_EQ(board->acknowledge_interrupt(), 0x29);
    EXPECT_EQ(board->ports().read(pc::pm_base, 2) & 0x100, 0x100u);
    board->ports().write(pc::pm1a_control, 0x2000, 2);
    EXPECT_EQ(power.offs, 1);
}

TEST_F(PcTest, characters_leave_by_com1_and_absent_ports_read_as_ones) {
    out(0x3f8, 'r');
    out(0x3f8, '3');
    EXPECT_EQ(com1.text, "r3");
    EXPECT_EQ(in(0x3fd), 0x60);
    EXPECT_EQ(in(0x2fd), 0xff);
}

TEST_F(PcTest, cmos_tells_the_memory_sizes) {
    auto const cmos = [&](u8 index) {
        out(0x70, index);
        return in(0x71);
    };
    EXPECT_EQ(cmos(0x15) | cmos(0x16) << 8, 640);
    EXPECT_EQ(cmos(0x30) | cmos(0x31) << 8, 63 * 1024);
    EXPECT_EQ(cmos(0x34) | cmos(0x35) << 8, 48 * 16);
}

TEST_F(PcTest, port_92_drives_a20_and_reset) {
    EXPECT_TRUE(a20.level());
    out(0x92, 0x01);
    EXPECT_EQ(power.resets, 1);
}

TEST(PcTestDevices, are_there_for_those_who_ask) {
    PcConfig config;
    config.ram_below_4g = 64 << 20;
    config.isa_test_device = config.pci_test_device = true;
    ManualClock clock;
    Power power;
    OpenLine a20;
    Pc board{config, clock, PcOutside{}, power, a20};
    auto const io_apic = [&board](u32 index, u32 value) {
        board.mmio().write({pc::io_apic}, index, 4);
        board.mmio().write({pc::io_apic + 0x10}, value, 4);
    };
    board.mmio().write({pc::local_apic + 0xf0}, 0x1ff, 4);
    io_apic(0x10 + 2 * 14 + 1, 0);
    io_apic(0x10 + 2 * 14, 0x77);
    board.ports().write(0x2000 + 14, 1, 1);
    ASSERT_TRUE(board.interrupt_pending());
    EXPECT_EQ(board.acknowledge_interrupt(), 0x77);
    board.ports().write(0x2000 + 23, 1, 1); // no ISA line: nothing happens
    board.ports().write(0xe0, 0x1234, 2);
    EXPECT_EQ(board.ports().read(0xe0, 4), 0x1234u);
    board.mmio().write({0xff00'0000}, 0x5678, 2);
    EXPECT_EQ(board.mmio().read({0xff00'0000}, 4), 0x5678u);

    board.ports().write(0xcf8, 0x8000'1800, 4); // slot 3
    EXPECT_EQ(board.ports().read(0xcfc, 4), 0x0005'1b36u);
    board.ports().write(0xcf8, 0x8000'1810, 4);
    u64 const registers = board.ports().read(0xcfc, 4);
    board.ports().write(0xcf8, 0x8000'1814, 4);
    auto const ports = static_cast<u16>(board.ports().read(0xcfc, 4) & ~3u);
    EXPECT_EQ(board.mmio().read({registers + 1}, 1), 0u) << "no test was chosen";
    board.mmio().write({registers}, 0, 1);
    EXPECT_EQ(board.mmio().read({registers + 1}, 1), 1u);
    u64 const target = board.mmio().read({registers + 4}, 4);
    for (int i = 0; i < 300; ++i) board.mmio().write({registers + target}, board.mmio().read({registers + 8}, 4), 1);
    EXPECT_EQ(board.mmio().read({registers + 12}, 4), 300u);
    EXPECT_EQ(board.mmio().read({registers + 16}, 1), u64{'m'});
    board.mmio().write({registers}, 1, 1);
    EXPECT_EQ(board.mmio().read({registers + 1}, 1), 0u) << "there is no second one";
    board.ports().write(ports, 0, 1);
    EXPECT_EQ(board.ports().read(static_cast<u16>(ports + 1), 1), 1u);
    board.ports().write(static_cast<u16>(ports + board.ports().read(static_cast<u16>(ports + 4), 4)), 0xfa, 1);
    EXPECT_EQ(board.ports().read(static_cast<u16>(ports + 12), 4), 1u);
}

} // namespace
} // namespace ring3
