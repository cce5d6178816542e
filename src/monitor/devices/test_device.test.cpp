#include "monitor/devices/test_device.h"

#include <gtest/gtest.h>

#include <vector>

namespace ring3 {
namespace {

class TestDeviceTest : public testing::Test {
protected:
    struct Lines final : TestLines {
        std::vector<std::pair<unsigned, bool>> seen;
        void set_line(unsigned irq, bool high) override { seen.emplace_back(irq, high); }
    };
    TestDeviceTest() {
        EXPECT_TRUE(ports.claim(TestDevice::dword_ports, device.dword_port()));
        EXPECT_TRUE(ports.claim(TestDevice::flush_ports, device.flush_port()));
        EXPECT_TRUE(ports.claim(TestDevice::byte_ports, device.byte_port()));
        EXPECT_TRUE(ports.claim(TestDevice::line_ports, device.line_port()));
        EXPECT_TRUE(mmio.claim({{TestDevice::memory_base}, TestDevice::memory_size}, device.memory()));
    }
    Lines lines;
    TestDevice device{lines};
    PortBus ports;
    MmioBus mmio;
};

TEST_F(TestDeviceTest, the_dword_remembers_writes_of_any_width) {
    ports.write(0xe0, 0x1234'5678, 4);
    EXPECT_EQ(ports.read(0xe0, 4), 0x1234'5678u);
    ports.write(0xe1, 0xab, 1);
    EXPECT_EQ(ports.read(0xe0, 4), 0x1234'ab78u);
    EXPECT_EQ(ports.read(0xe2, 2), 0x1234u);
    EXPECT_EQ(ports.read(0xe8, 4), 0x1234'ab78u) << "the same, byte by byte";
    ports.write(0xea, 0xcdef, 2);
    EXPECT_EQ(ports.read(0xe0, 4), 0xcdef'ab78u);
}

TEST_F(TestDeviceTest, a_page_to_flush_changes_nothing) {
    ports.write(0xe4, 0xffff'f000, 4);
    EXPECT_EQ(ports.read(0xe4, 4), 0u);
    EXPECT_EQ(ports.read(0xe0, 4), 0u);
}

TEST_F(TestDeviceTest, a_port_for_each_line_sets_its_level) {
    ports.write(0x200e, 1, 1);
    ports.write(0x200e, 0, 1);
    ports.write(0x2017, 0xff, 1);
    EXPECT_EQ(lines.seen, (std::vector<std::pair<unsigned, bool>>{{14, true}, {14, false}, {23, true}}));
    EXPECT_EQ(ports.read(0x200e, 1), 0u);
}

TEST_F(TestDeviceTest, its_memory_holds_bytes_at_any_alignment) {
    mmio.write({0xff00'0001}, 0x1122'3344'5566'7788, 8);
    EXPECT_EQ(mmio.read({0xff00'0001}, 8), 0x1122'3344'5566'7788u);
    EXPECT_EQ(mmio.read({0xff00'0003}, 2), 0x5566u);
    mmio.write({0xff00'ffff}, 0x9a, 1);
    EXPECT_EQ(mmio.read({0xff00'ffff}, 1), 0x9au);
    EXPECT_EQ(mmio.read({0xff00'0000}, 1), 0u);
}

} // namespace
} // namespace ring3
