#include "monitor/devices/i8042.h"

#include <gtest/gtest.h>

#include <vector>

namespace ring3 {
namespace {

class I8042Test : public testing::Test {
protected:
    std::vector<int> answer() {
        std::vector<int> bytes;
        while (kbc.read_status() & 1 && bytes.size() < 32) bytes.push_back(kbc.read_data());
        return bytes;
    }
    std::vector<int> command(u8 value) {
        kbc.write_command(value);
        return answer();
    }
    void command(u8 value, u8 data) {
        kbc.write_command(value);
        kbc.write_data(data);
    }
    std::vector<int> keyboard(u8 value) {
        kbc.write_data(value);
        return answer();
    }
    std::vector<int> mouse(u8 value) {
        command(0xd4, value);
        return answer();
    }
    using Bytes = std::vector<int>;
    OpenLine irq1, irq12, a20, reset;
    I8042 kbc{irq1, irq12, a20, reset};
};

TEST_F(I8042Test, controller_tests_pass) {
    EXPECT_EQ(command(0xaa), Bytes{0x55});
    EXPECT_EQ(command(0xab), Bytes{0x00});
    EXPECT_EQ(command(0xa9), Bytes{0x00});
    EXPECT_EQ(command(0xa4), Bytes{0xf1});
    EXPECT_EQ(kbc.read_status() & 0x14, 0x14);
}

TEST_F(I8042Test, configuration_byte_as_drivers_use_it) {
    EXPECT_EQ(command(0x20), Bytes{0x65});
    command(0x60, 0x03);
    EXPECT_EQ(command(0x20), Bytes{0x03});
    command(0xa7);
    EXPECT_EQ(command(0x20), Bytes{0x23});
    command(0xa8);
    EXPECT_EQ(command(0x20), Bytes{0x03});
    command(0xad);
    EXPECT_EQ(command(0x20), Bytes{0x13});
    command(0xae);
    EXPECT_EQ(command(0x20), Bytes{0x03});
    command(0x65, 0x99);
    EXPECT_EQ(command(0x25), Bytes{0x99}) << "controller RAM";
}

TEST_F(I8042Test, status_tells_command_from_data) {
    kbc.write_command(0x60);
    EXPECT_EQ(kbc.read_status() & 0x08, 0x08);
    kbc.write_data(0x65);
    EXPECT_EQ(kbc.read_status() & 0x08, 0x00);
}

TEST_F(I8042Test, the_output_port_drives_a20_and_reset) {
    EXPECT_TRUE(a20.level());
    command(0xd1, 0xdd);
    EXPECT_FALSE(a20.level());
    EXPECT_EQ(command(0xd0).at(0) & 0x03, 0x01);
    command(0xd1, 0xdf);
    EXPECT_TRUE(a20.level());
    command(0xdd);
    EXPECT_FALSE(a20.level());
    command(0xdf);
    EXPECT_TRUE(a20.level());
    EXPECT_EQ(reset.rises(), 0u);
    command(0xf1);
    EXPECT_EQ(reset.rises(), 0u) << "bit 0 stays high";
    command(0xfe);
    EXPECT_EQ(reset.rises(), 1u);
    command(0xd1, 0xde);
    EXPECT_EQ(reset.rises(), 2u);
}

TEST_F(I8042Test, keyboard_identifies_itself_translated_or_not) {
    EXPECT_EQ(keyboard(0xf2), (Bytes{0xfa, 0xab, 0x41}));
    command(0x60, 0x05); // no translation
    EXPECT_EQ(keyboard(0xf2), (Bytes{0xfa, 0xab, 0x83}));
    EXPECT_EQ(keyboard(0xff), (Bytes{0xfa, 0xaa}));
    EXPECT_EQ(keyboard(0xee), Bytes{0xee});
    EXPECT_EQ(keyboard(0x12), Bytes{0xfe}) << "not a command";
    EXPECT_EQ(keyboard(0xfe), Bytes{0xfe}) << "resend the last byte";
}

TEST_F(I8042Test, keyboard_commands_with_arguments) {
    EXPECT_EQ(keyboard(0xed), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x07), Bytes{0xfa});
    EXPECT_EQ(keyboard(0xf3), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x00), Bytes{0xfa});
    command(0x60, 0x05);
    EXPECT_EQ(keyboard(0xf0), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x00), (Bytes{0xfa, 0x02}));
    EXPECT_EQ(keyboard(0xf0), Bytes{0xfa});
    EXPECT_EQ(keyboard(0x01), Bytes{0xfa});
    kbc.press({0x1c, false});
    kbc.release({0x1c, false});
    EXPECT_EQ(answer(), (Bytes{0x1e, 0x9e})) << "set 1 from the keyboard itself";
}

TEST_F(I8042Test, keys_raise_irq_1_one_byte_at_a_time) {
    kbc.press({0x1c, false}); // A
    kbc.release({0x1c, false});
    EXPECT_TRUE(irq1.level());
    EXPECT_EQ(irq1.rises(), 1u);
    EXPECT_EQ(kbc.read_data(), 0x1e);
    EXPECT_EQ(irq1.rises(), 2u);
    EXPECT_EQ(kbc.read_data(), 0x9e) << "F0 1C, translated";
    EXPECT_FALSE(irq1.level());
    EXPECT_EQ(kbc.read_data(), 0x9e) << "an empty buffer repeats itself";
    kbc.press({0x75, true}); // up
    kbc.release({0x75, true});
    EXPECT_EQ(answer(), (Bytes{0xe0, 0x48, 0xe0, 0xc8}));
}

TEST_F(I8042Test, a_disabled_keyboard_keeps_its_bytes_and_scanning_off_drops_keys) {
    command(0xad);
    kbc.press({0x1c, false});
    EXPECT_EQ(kbc.read_status() & 1, 0);
    command(0xae, 0x00);
    EXPECT_EQ(kbc.read_status() & 1, 1);
    answer();
    EXPECT_EQ(keyboard(0xf5), Bytes{0xfa});
    kbc.press({0x1c, false});
    EXPECT_EQ(answer(), Bytes{});
    EXPECT_EQ(keyboard(0xf4), Bytes{0xfa});
    kbc.press({0x1c, false});
    EXPECT_EQ(answer(), Bytes{0x1e});
}

TEST_F(I8042Test, a_full_keyboard_drops_whole_keys) {
    for (int i = 0; i < 100; ++i) {
        kbc.press({0x75, true});
        kbc.release({0x75, true});
    }
    Bytes const bytes = answer();
    EXPECT_LE(bytes.size(), 17u);
    EXPECT_EQ(bytes.back() & 0x7f, 0x48) << "ends with a whole key";
}

TEST_F(I8042Test, mouse_reset_identity_and_packets) {
    command(0x60, 0x03);
    EXPECT_EQ(mouse(0xff), (Bytes{0xfa, 0xaa, 0x00}));
    EXPECT_EQ(mouse(0xf2), (Bytes{0xfa, 0x00}));
    EXPECT_EQ(mouse(0xe9), (Bytes{0xfa, 0x00, 0x02, 0x64}));
    kbc.move_mouse(5, -3, 1);
    EXPECT_EQ(answer(), Bytes{}) << "not reporting yet";
    EXPECT_EQ(mouse(0xf4), Bytes{0xfa});
    unsigned const before = irq12.rises();
    kbc.move_mouse(0, 0, 1);
    EXPECT_EQ(irq12.rises() - before, 1u);
    EXPECT_EQ(kbc.read_status() & 0x21, 0x21) << "the byte is the mouse's";
    EXPECT_EQ(answer(), (Bytes{0x29, 0x05, 0xfd}));
    EXPECT_EQ(mouse(0xe8), Bytes{0xfa});
    EXPECT_EQ(mouse(0x03), Bytes{0xfa});
    EXPECT_EQ(mouse(0xe9), (Bytes{0xfa, 0x24, 0x03, 0x64}));
}

TEST_F(I8042Test, loopback_into_either_buffer) {
    command(0x60, 0x03);
    command(0xd3, 0x5a);
    EXPECT_EQ(kbc.read_status() & 0x21, 0x21);
    EXPECT_TRUE(irq12.level());
    EXPECT_EQ(kbc.read_data(), 0x5a);
    command(0xd2, 0xa5);
    EXPECT_EQ(kbc.read_status() & 0x21, 0x01);
    EXPECT_TRUE(irq1.level());
    EXPECT_EQ(kbc.read_data(), 0xa5);
}

TEST_F(I8042Test, no_command_overflows_anything) {
    for (unsigned round = 0; round < 3; ++round)
        for (unsigned value = 0; value < 256; ++value) {
            kbc.write_command(static_cast<u8>(value));
            kbc.write_data(static_cast<u8>(value * 7 + round));
            command(0xd4, static_cast<u8>(value));
        }
    EXPECT_LE(answer().size(), 32u);
}

} // namespace
} // namespace ring3
