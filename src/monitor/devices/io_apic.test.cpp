#include "monitor/devices/io_apic.h"

#include <gtest/gtest.h>

#include <vector>

namespace ring3 {
namespace {

struct Receiver final : ApicBus {
    std::vector<ApicMessage> messages;
    bool accepts{true};
    bool deliver(ApicMessage message) override {
        messages.push_back(message);
        return accepts;
    }
};

class IoApicTest : public testing::Test {
protected:
    u32 get(u32 index) {
        chip.write(0, index, 4);
        return static_cast<u32>(chip.read(0x10, 4));
    }
    void set(u32 index, u32 value) {
        chip.write(0, index, 4);
        chip.write(0x10, value, 4);
    }
    void redirect(unsigned pin, u32 low, u8 destination = 0) {
        set(0x11 + 2 * pin, u32{destination} << 24);
        set(0x10 + 2 * pin, low);
    }
    Receiver bus;
    IoApic chip{bus};
};

TEST_F(IoApicTest, identifies_itself) {
    EXPECT_EQ(get(1), 0x0017'0011u);
    set(0, 0xff00'0000);
    EXPECT_EQ(get(0), 0x0f00'0000u);
    EXPECT_EQ(get(2), 0x0f00'0000u);
    EXPECT_EQ(get(0x10), 0x0001'0000u) << "masked after reset";
    EXPECT_EQ(get(0x3f), 0u);
    EXPECT_EQ(get(0x40), 0u) << "beyond the last pin";
    EXPECT_EQ(get(0xff), 0u);
}

TEST_F(IoApicTest, entries_keep_their_writable_bits) {
    redirect(3, 0xffff'ffff, 0xff);
    EXPECT_EQ(get(0x16), 0x0001'afffu);
    EXPECT_EQ(get(0x17), 0xff00'0000u);
}

TEST_F(IoApicTest, an_edge_sends_one_message) {
    redirect(4, 0x0831, 0x05); // logical, fixed
    chip.set_pin(4, true);
    ASSERT_EQ(bus.messages.size(), 1u);
    EXPECT_EQ(bus.messages[0].vector, 0x31);
    EXPECT_EQ(bus.messages[0].destination, 5);
    EXPECT_EQ(bus.messages[0].destination_mode, DestinationMode::logical);
    EXPECT_EQ(bus.messages[0].trigger, Trigger::edge);
    chip.set_pin(4, true);
    EXPECT_EQ(bus.messages.size(), 1u);
    chip.set_pin(4, false);
    chip.set_pin(4, true);
    EXPECT_EQ(bus.messages.size(), 2u);
}

TEST_F(IoApicTest, an_edge_on_a_masked_pin_is_lost) {
    redirect(4, 0x1'0031);
    chip.set_pin(4, true);
    redirect(4, 0x0031);
    EXPECT_TRUE(bus.messages.empty());
}

TEST_F(IoApicTest, a_level_waits_for_its_eoi) {
    redirect(9, 0x8029);
    chip.set_pin(9, true);
    ASSERT_EQ(bus.messages.size(), 1u);
    EXPECT_EQ(get(0x22), 0xc029u) << "remote IRR";
    chip.set_pin(9, false);
    chip.set_pin(9, true);
    EXPECT_EQ(bus.messages.size(), 1u);
    chip.end_of_interrupt(0x28);
    EXPECT_EQ(bus.messages.size(), 1u);
    chip.end_of_interrupt(0x29);
    EXPECT_EQ(bus.messages.size(), 2u) << "still asserted";
    chip.set_pin(9, false);
    chip.end_of_interrupt(0x29);
    EXPECT_EQ(bus.messages.size(), 2u);
    EXPECT_EQ(get(0x22), 0x8029u);
}

TEST_F(IoApicTest, a_masked_level_is_sent_when_it_is_unmasked) {
    redirect(9, 0x1'8029);
    chip.set_pin(9, true);
    EXPECT_TRUE(bus.messages.empty());
    redirect(9, 0x8029);
    EXPECT_EQ(bus.messages.size(), 1u);
}

TEST_F(IoApicTest, turning_an_entry_to_edge_clears_remote_irr) {
    redirect(9, 0x8029);
    chip.set_pin(9, true);
    redirect(9, 0x1'0029);
    EXPECT_EQ(get(0x22), 0x1'0029u);
    redirect(9, 0x8029);
    EXPECT_EQ(bus.messages.size(), 2u);
}

TEST_F(IoApicTest, a_refused_level_leaves_no_remote_irr) {
    bus.accepts = false;
    redirect(9, 0x8029);
    chip.set_pin(9, true);
    EXPECT_EQ(get(0x22), 0x8029u);
}

TEST_F(IoApicTest, nmi_is_an_edge_even_if_called_level) {
    redirect(1, 0x8400);
    chip.set_pin(1, true);
    chip.set_pin(1, false);
    chip.set_pin(1, true);
    EXPECT_EQ(bus.messages.size(), 2u);
}

TEST_F(IoApicTest, odd_accesses_are_answered) {
    chip.write(0, 1, 1);
    EXPECT_EQ(chip.read(0x10, 4), 0x0017'0011u);
    EXPECT_EQ(chip.read(0x12, 1) & 0xff, 0x17u);
    EXPECT_EQ(chip.read(0x20, 4), 0u);
    chip.write(0x10, 0xff, 1);
    chip.set_pin(99, true);
}

} // namespace
} // namespace ring3
