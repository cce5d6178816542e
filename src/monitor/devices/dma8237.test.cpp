#include "monitor/devices/dma8237.h"
#include "monitor/devices/test_disk.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

class DmaTest : public testing::Test {
protected:
    DmaTest() { dma.reset(); }
    /// A byte channel of the first controller: mode, address, count as drivers write them.
    void program(unsigned channel, u8 mode, u32 address, u32 bytes) {
        PortDevice& chip = dma.first();
        chip.write(12, 0);
        chip.write(11, static_cast<u8>(mode | channel));
        for (unsigned i = 0; i < 2; ++i) chip.write(static_cast<u16>(2 * channel), static_cast<u8>(address >> 8 * i));
        for (unsigned i = 0; i < 2; ++i)
            chip.write(static_cast<u16>(2 * channel + 1), static_cast<u8>((bytes - 1) >> 8 * i));
        dma.pages().write(1, static_cast<u8>(address >> 16)); // channel 2's
        chip.write(10, static_cast<u8>(channel));
    }
    static constexpr u8 to_memory = 0x44, from_memory = 0x48, verify = 0x40, auto_init = 0x10, down = 0x20;
    std::array<u8, 8> const data{1, 2, 3, 4, 5, 6, 7, 8};
    TestMemory memory{1 << 20};
    Dma8237 dma{memory};
};

TEST_F(DmaTest, bytes_go_to_memory_until_the_count_is_over) {
    program(2, to_memory, 0x3'4560, 6);
    EXPECT_EQ(dma.bytes_left(2), 6u);
    auto const moved = dma.to_memory(2, data);
    EXPECT_EQ(moved.bytes, 6u);
    EXPECT_TRUE(moved.terminal_count);
    EXPECT_EQ(memory.bytes[0x3'4565], 6);
    EXPECT_EQ(memory.bytes[0x3'4566], 0);
    EXPECT_EQ(dma.bytes_left(2), 0u); // masked itself
    EXPECT_EQ(dma.first().read(8), 0x04);
    EXPECT_EQ(dma.first().read(8), 0x00);
}

TEST_F(DmaTest, an_address_wraps_within_its_page) {
    program(2, to_memory, 0x3'fffc, 100);
    EXPECT_EQ(dma.to_memory(2, data).bytes, 8u);
    EXPECT_EQ(memory.bytes[0x3'ffff], 4);
    EXPECT_EQ(memory.bytes[0x3'0000], 5);
    EXPECT_EQ(dma.bytes_left(2), 92u);
}

TEST_F(DmaTest, an_auto_initialized_channel_begins_again) {
    program(2, to_memory | auto_init, 0x1'0000, 4);
    EXPECT_TRUE(dma.to_memory(2, data).terminal_count);
    EXPECT_EQ(dma.bytes_left(2), 4u);
    dma.to_memory(2, std::span{data}.subspan(4));
    EXPECT_EQ(memory.bytes[0x1'0000], 5);
}

TEST_F(DmaTest, downwards_the_last_byte_comes_first) {
    program(2, to_memory | down, 0x1'0003, 4);
    dma.to_memory(2, data);
    EXPECT_EQ(memory.bytes[0x1'0003], 1);
    EXPECT_EQ(memory.bytes[0x1'0000], 4);
}

TEST_F(DmaTest, a_verify_transfer_moves_the_count_only) {
    program(2, verify, 0x1'0000, 4);
    EXPECT_TRUE(dma.to_memory(2, data).terminal_count);
    EXPECT_EQ(memory.bytes[0x1'0000], 0);
}

TEST_F(DmaTest, word_channels_count_words) {
    PortDevice& chip = dma.second();
    chip.write(0x18, 0);
    chip.write(0x16, 0x44 | 1); // channel 5
    chip.write(4, 0x00), chip.write(4, 0x80);
    chip.write(6, 3), chip.write(6, 0); // four words
    dma.pages().write(0x0b, 0x05);      // bit 0 does not count
    chip.write(0x14, 1);
    EXPECT_EQ(dma.bytes_left(5), 8u);
    EXPECT_TRUE(dma.to_memory(5, data).terminal_count);
    EXPECT_EQ(memory.bytes[0x5'0000], 1);
    EXPECT_EQ(memory.bytes[0x5'0007], 8);
}

TEST_F(DmaTest, registers_read_back_low_byte_first) {
    program(2, from_memory, 0x1'2345, 0x1000);
    dma.first().write(12, 0);
    EXPECT_EQ(dma.first().read(4), 0x45);
    EXPECT_EQ(dma.first().read(4), 0x23);
    EXPECT_EQ(dma.first().read(5), 0xff);
    EXPECT_EQ(dma.first().read(5), 0x0f);
    dma.pages().write(0, 0x55); // port 80h
    EXPECT_EQ(dma.pages().read(0), 0x55);
    dma.first().write(13, 0); // master clear masks everything
    EXPECT_EQ(dma.bytes_left(2), 0u);
}

TEST_F(DmaTest, what_is_no_memory_reads_as_ones) {
    program(2, from_memory, 0xff'0000, 4);
    std::array<u8, 4> bytes{};
    EXPECT_TRUE(dma.from_memory(2, bytes).terminal_count);
    EXPECT_EQ(bytes, (std::array<u8, 4>{0xff, 0xff, 0xff, 0xff}));
}

} // namespace
} // namespace ring3
