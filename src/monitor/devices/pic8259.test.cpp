#include "monitor/devices/pic8259.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

class PicTest : public testing::Test {
protected:
    static void init_chip(PortDevice& chip, u8 vector_base, u8 icw3, u8 icw4) {
        chip.write(0, 0x11);
        chip.write(1, vector_base);
        chip.write(1, icw3);
        chip.write(1, icw4);
    }
    void init(u8 master_icw4 = 0x01) {
        init_chip(pic.master(), 0x20, 0x04, master_icw4);
        init_chip(pic.slave(), 0x28, 0x02, 0x01);
        pic.master().write(1, 0x00);
        pic.slave().write(1, 0x00);
    }
    u8 isr(PortDevice& chip) {
        chip.write(0, 0x0b);
        return chip.read(0);
    }
    u8 irr(PortDevice& chip) {
        chip.write(0, 0x0a);
        return chip.read(0);
    }
    OpenLine intr;
    PicPair pic{intr};
};

TEST_F(PicTest, stays_silent_until_it_is_initialized) {
    pic.set_irq(0, true);
    EXPECT_FALSE(intr.level());
    init();
    EXPECT_FALSE(intr.level()) << "ICW1 clears the edge latches: a new edge is needed";
    pic.set_irq(0, false);
    pic.set_irq(0, true);
    EXPECT_TRUE(intr.level());
}

TEST_F(PicTest, delivers_by_fixed_priority_until_eoi) {
    init();
    pic.set_irq(5, true);
    pic.set_irq(3, true);
    EXPECT_EQ(pic.acknowledge(), 0x23);
    EXPECT_FALSE(intr.level()) << "5 waits for the EOI of 3";
    pic.set_irq(1, true);
    EXPECT_TRUE(intr.level()) << "1 interrupts 3";
    EXPECT_EQ(pic.acknowledge(), 0x21);
    EXPECT_EQ(isr(pic.master()), 0x0a);
    EXPECT_EQ(irr(pic.master()), 0x20);
    pic.master().write(0, 0x20); // non-specific EOI: ends 1
    EXPECT_EQ(isr(pic.master()), 0x08);
    pic.master().write(0, 0x63); // specific EOI of 3
    EXPECT_EQ(pic.acknowledge(), 0x25);
}

TEST_F(PicTest, cascades) {
    init();
    pic.set_irq(12, true);
    EXPECT_EQ(pic.acknowledge(), 0x2c);
    EXPECT_EQ(isr(pic.master()), 0x04);
    EXPECT_EQ(isr(pic.slave()), 0x10);
    pic.set_irq(9, true);
    EXPECT_FALSE(intr.level()) << "the master's IR2 is in service";
    pic.slave().write(0, 0x20);
    pic.master().write(0, 0x20);
    EXPECT_EQ(pic.acknowledge(), 0x29);
}

TEST_F(PicTest, special_fully_nested_mode_lets_the_slave_interrupt_itself) {
    init(0x11);
    pic.set_irq(12, true);
    EXPECT_EQ(pic.acknowledge(), 0x2c);
    pic.set_irq(9, true);
    EXPECT_TRUE(intr.level());
    EXPECT_EQ(pic.acknowledge(), 0x29);
}

TEST_F(PicTest, a_masked_request_waits) {
    init();
    pic.master().write(1, 0x10);
    pic.set_irq(4, true);
    EXPECT_FALSE(intr.level());
    EXPECT_EQ(irr(pic.master()), 0x10);
    EXPECT_EQ(pic.master().read(1), 0x10);
    pic.master().write(1, 0x00);
    EXPECT_EQ(pic.acknowledge(), 0x24);
}

TEST_F(PicTest, a_withdrawn_request_is_spurious) {
    init();
    pic.set_irq(4, true);
    pic.set_irq(4, false);
    EXPECT_FALSE(intr.level());
    EXPECT_EQ(pic.acknowledge(), 0x27);
    EXPECT_EQ(isr(pic.master()), 0x00) << "nothing is in service";
    pic.set_irq(10, true);
    pic.slave().write(1, 0xff); // masked between INT and INTA ... the master has its edge no more
    EXPECT_EQ(pic.acknowledge(), 0x27);
}

TEST_F(PicTest, a_slave_that_has_nothing_left_answers_15) {
    OpenLine out;
    Pic8259 slave{out};
    init_chip(slave, 0x28, 0x02, 0x01);
    EXPECT_EQ(slave.vector(slave.accept()), 0x2f);
}

TEST_F(PicTest, a_level_input_asks_again_while_it_is_high) {
    init();
    pic.elcr().write(1, 0x02); // IRQ 9
    EXPECT_EQ(pic.elcr().read(1), 0x02);
    pic.set_irq(9, true);
    EXPECT_EQ(pic.acknowledge(), 0x29);
    pic.slave().write(0, 0x20);
    pic.master().write(0, 0x20);
    EXPECT_TRUE(intr.level());
    pic.set_irq(9, false);
    EXPECT_FALSE(intr.level());
}

TEST_F(PicTest, an_edge_input_does_not) {
    init();
    pic.set_irq(4, true);
    EXPECT_EQ(pic.acknowledge(), 0x24);
    pic.master().write(0, 0x20);
    EXPECT_FALSE(intr.level());
}

TEST_F(PicTest, elcr_keeps_the_boards_own_lines_on_edges) {
    pic.elcr().write(0, 0xff);
    pic.elcr().write(1, 0xff);
    EXPECT_EQ(pic.elcr().read(0), 0xf8);
    EXPECT_EQ(pic.elcr().read(1), 0xde);
}

TEST_F(PicTest, automatic_eoi_leaves_nothing_in_service) {
    init(0x03);
    pic.set_irq(4, true);
    EXPECT_EQ(pic.acknowledge(), 0x24);
    EXPECT_EQ(isr(pic.master()), 0x00);
}

TEST_F(PicTest, rotates_priorities) {
    init();
    pic.master().write(0, 0xc4); // set priority: 4 is the lowest, 5 the highest
    pic.set_irq(3, true);
    pic.set_irq(6, true);
    EXPECT_EQ(pic.acknowledge(), 0x26);
    pic.master().write(0, 0xa0); // rotate on non-specific EOI: 6 becomes the lowest
    pic.set_irq(7, true);
    EXPECT_EQ(pic.acknowledge(), 0x27);
    pic.master().write(0, 0xe7); // rotate on specific EOI: 7 lowest, 0 highest again
    pic.set_irq(0, true);
    EXPECT_EQ(pic.acknowledge(), 0x20);
}

TEST_F(PicTest, special_mask_lets_lower_levels_through) {
    init();
    pic.set_irq(3, true);
    EXPECT_EQ(pic.acknowledge(), 0x23);
    pic.set_irq(6, true);
    EXPECT_FALSE(intr.level());
    pic.master().write(1, 0x08);
    pic.master().write(0, 0x68); // set special mask mode
    EXPECT_EQ(pic.acknowledge(), 0x26);
    pic.master().write(0, 0x20); // ends 6: 3 is masked and not seen
    EXPECT_EQ(isr(pic.master()), 0x08);
}

TEST_F(PicTest, polling_replaces_inta) {
    init();
    pic.master().write(0, 0x0c);
    EXPECT_EQ(pic.master().read(0), 0x00);
    pic.set_irq(5, true);
    pic.master().write(0, 0x0c);
    EXPECT_EQ(pic.master().read(0), 0x85);
    EXPECT_EQ(isr(pic.master()), 0x20);
    EXPECT_FALSE(intr.level());
}

TEST_F(PicTest, single_mode_skips_icw3) {
    OpenLine out;
    Pic8259 chip{out};
    chip.write(0, 0x13); // single, ICW4
    chip.write(1, 0x40);
    chip.write(1, 0x01);
    chip.write(1, 0xfe);
    EXPECT_EQ(chip.read(1), 0xfe);
    chip.set_input(0, true);
    EXPECT_EQ(chip.vector(chip.accept()), 0x40);
}

} // namespace
} // namespace ring3
