// The floppy controller as a driver uses it (82077AA chapter 5), with its DMA channel (8237A).
#include "monitor/devices/floppy_controller.h"
#include "monitor/devices/test_disk.h"

#include <gtest/gtest.h>

#include <random>

namespace ring3 {
namespace {

constexpr u8 rqm = 0x80, dio = 0x40, non_dma = 0x20, busy = 0x10;

class FloppyTest : public testing::Test {
protected:
    FloppyTest() {
        controller.attach(0, disk);
        controller.attach(1, empty);
        controller.reset();
        dma.reset();
        out(2, 0x1c); // motor A, DMA gate, no reset
        for (int i = 0; i < 4; ++i) command({0x08}), result(2);
        command({0x03, 0xaf, 0x02});
    }
    u8 in(u16 offset) { return controller.read(offset); }
    void out(u16 offset, u64 value) { controller.write(offset, static_cast<u8>(value)); }
    void command(std::vector<u8> const& bytes) {
        for (u8 const byte : bytes) {
            EXPECT_EQ(in(4) & (rqm | dio), rqm);
            out(5, byte);
        }
    }
    std::vector<u8> result(std::size_t bytes) {
        std::vector<u8> values;
        for (std::size_t i = 0; i < bytes; ++i) {
            EXPECT_EQ(in(4) & (rqm | dio), rqm | dio) << i;
            values.push_back(in(5));
        }
        EXPECT_EQ(in(4), rqm);
        return values;
    }
    /// Channel 2: single transfers, `mode` 1 to memory, 2 from it.
    void set_dma(u8 mode, u32 address, u32 bytes) {
        dma.first().write(10, 6);
        dma.first().write(12, 0);
        dma.first().write(11, static_cast<u8>(0x42 | mode << 2));
        dma.first().write(4, static_cast<u8>(address)), dma.first().write(4, static_cast<u8>(address >> 8));
        dma.pages().write(1, static_cast<u8>(address >> 16));
        dma.first().write(5, static_cast<u8>(bytes - 1)), dma.first().write(5, static_cast<u8>((bytes - 1) >> 8));
        dma.first().write(10, 2);
    }
    static constexpr std::size_t place(u32 cylinder, u32 head, u32 sector) {
        return ((cylinder * 2 + head) * 18 + sector - 1) * 512;
    }
    bool memory_is(u32 address, std::size_t from, std::size_t bytes) const {
        auto const expected = disk.image.begin() + static_cast<std::ptrdiff_t>(from);
        return std::equal(expected, expected + static_cast<std::ptrdiff_t>(bytes), memory.bytes.begin() + address);
    }

    TestMemory memory{1 << 20};
    TestDisk disk{memory, 1'474'560};
    TestDisk empty{memory, 0};
    OpenLine irq;
    Dma8237 dma{memory};
    FloppyController controller{dma, irq};
};

TEST_F(FloppyTest, a_reset_interrupts_and_wants_to_be_asked_four_times) {
    out(2, 0x08);
    EXPECT_EQ(in(4), 0);
    out(2, 0x0c);
    EXPECT_TRUE(irq.level());
    for (u8 drive = 0; drive < 4; ++drive) {
        command({0x08});
        EXPECT_EQ(result(2)[0], 0xc0 | drive);
        EXPECT_FALSE(irq.level());
    }
    command({0x08});
    EXPECT_EQ(result(1)[0], 0x80); // nothing to tell
}

TEST_F(FloppyTest, seeks_and_recalibrations_end_with_an_interrupt) {
    command({0x0f, 0x00, 40});
    EXPECT_TRUE(irq.level());
    command({0x08});
    EXPECT_EQ(result(2), (std::vector<u8>{0x20, 40}));
    command({0x07, 0x00});
    command({0x08});
    EXPECT_EQ(result(2), (std::vector<u8>{0x20, 0}));
    command({0x07, 0x03}); // no such drive
    command({0x08});
    EXPECT_EQ(result(2)[0], 0x73);
}

TEST_F(FloppyTest, the_change_line_falls_when_the_head_steps) {
    EXPECT_EQ(controller.direction().read(0), 0x80);
    command({0x0f, 0x00, 1});
    command({0x08}), result(2);
    EXPECT_EQ(controller.direction().read(0), 0);
    controller.medium_changed(0);
    EXPECT_EQ(controller.direction().read(0), 0x80);
}

TEST_F(FloppyTest, sectors_are_read_by_dma_until_terminal_count) {
    command({0x0f, 0x00, 3});
    command({0x08}), result(2);
    set_dma(1, 0x2'3000, 5 * 512);
    command({0xe6, 0x04, 3, 1, 7, 2, 18, 0x1b, 0xff});
    EXPECT_EQ(in(4), busy);
    disk.serve_all();
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(result(7), (std::vector<u8>{0x04, 0, 0, 3, 1, 12, 2}));
    EXPECT_FALSE(irq.level());
    EXPECT_TRUE(memory_is(0x2'3000, place(3, 1, 7), 5 * 512));
    EXPECT_EQ(dma.first().read(8), 0x04); // channel 2 has reached its count
    EXPECT_EQ(disk.history.size(), 1u);
}

TEST_F(FloppyTest, a_multi_track_read_goes_on_at_the_other_side) {
    set_dma(1, 0x2'0000, 36 * 512);
    command({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    disk.serve_all();
    EXPECT_EQ(result(7), (std::vector<u8>{0x04, 0, 0, 1, 0, 1, 2}));
    EXPECT_TRUE(memory_is(0x2'0000, 0, 36 * 512));
}

TEST_F(FloppyTest, more_than_the_cylinder_has_is_an_end_of_cylinder) {
    set_dma(1, 0x2'0000, 60 * 512);
    command({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    disk.serve_all();
    EXPECT_EQ(result(7), (std::vector<u8>{0x44, 0x80, 0, 1, 0, 1, 2}));
}

TEST_F(FloppyTest, sectors_are_written_by_dma) {
    std::fill_n(memory.bytes.begin() + 0x3'0000, 1024, u8{0xa7});
    set_dma(2, 0x3'0000, 1024);
    command({0xc5, 0x00, 0, 0, 4, 2, 18, 0x1b, 0xff});
    disk.serve_all();
    EXPECT_EQ(result(7), (std::vector<u8>{0x00, 0, 0, 0, 0, 6, 2}));
    EXPECT_TRUE(memory_is(0x3'0000, place(0, 0, 4), 1024));
}

TEST_F(FloppyTest, a_write_to_a_protected_disk_says_so) {
    disk.read_only = true;
    set_dma(2, 0x3'0000, 512);
    command({0xc5, 0x00, 0, 0, 4, 2, 18, 0x1b, 0xff});
    auto const bytes = result(7);
    EXPECT_EQ(bytes[0], 0x40);
    EXPECT_EQ(bytes[1], 0x02);
    command({0x04, 0x00});
    EXPECT_EQ(result(1)[0] & 0x40, 0x40);
}

TEST_F(FloppyTest, what_is_not_there_is_not_found) {
    set_dma(1, 0x2'0000, 512);
    command({0xe6, 0x00, 0, 0, 19, 2, 19, 0x1b, 0xff}); // sector 19
    EXPECT_EQ(result(7)[1], 0x04);
    command({0xe6, 0x00, 5, 0, 1, 2, 18, 0x1b, 0xff}); // the head is on track 0
    auto const elsewhere = result(7);
    EXPECT_EQ(elsewhere[1], 0x04);
    EXPECT_EQ(elsewhere[2], 0x10);
    command({0xe6, 0x01, 0, 0, 1, 2, 18, 0x1b, 0xff}); // drive B is empty
    EXPECT_EQ(result(7)[0] & 0xc0, 0x40);
    command({0xe6, 0x02, 0, 0, 1, 2, 18, 0x1b, 0xff}); // there is no drive C
    EXPECT_EQ(result(7)[0] & 0xc0, 0x40);
    controller.direction().write(0, 2); // 250 kbit/s
    command({0x4a, 0x00});
    EXPECT_EQ(result(7)[1], 0x01); // missing address mark
    controller.direction().write(0, 0);
    command({0x4a, 0x04});
    EXPECT_EQ(result(7), (std::vector<u8>{0x04, 0, 0, 0, 1, 1, 2}));
}

TEST_F(FloppyTest, a_bad_sector_is_a_data_error) {
    disk.bad_sectors = {2};
    set_dma(1, 0x2'0000, 512);
    command({0xe6, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff});
    disk.serve_all();
    auto const bytes = result(7);
    EXPECT_EQ(bytes[0], 0x40);
    EXPECT_EQ(bytes[1], 0x20);
}

TEST_F(FloppyTest, without_dma_the_bytes_come_through_the_fifo) {
    command({0x03, 0xaf, 0x03});
    command({0x46, 0x00, 0, 0, 2, 2, 2, 0x1b, 0xff});
    disk.serve_all();
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(in(4), rqm | dio | non_dma | busy);
    for (std::size_t i = 0; i < 512; ++i) ASSERT_EQ(in(5), disk.image[512 + i]);
    EXPECT_EQ(result(7)[1], 0x80); // nobody said that it was enough
    command({0x45, 0x00, 0, 0, 9, 2, 9, 0x1b, 0xff});
    EXPECT_EQ(in(4), rqm | non_dma | busy);
    for (int i = 0; i < 512; ++i) out(5, 0x3c);
    disk.serve_all();
    result(7);
    EXPECT_EQ(disk.image[8 * 512], 0x3c);
    EXPECT_EQ(disk.image[9 * 512 - 1], 0x3c);
}

TEST_F(FloppyTest, a_formatted_track_has_its_filler) {
    command({0x0f, 0x04, 2});
    command({0x08}), result(2);
    set_dma(2, 0x3'0000, 18 * 4);
    command({0x4d, 0x04, 2, 18, 0x54, 0xf6});
    disk.serve_all();
    EXPECT_EQ(result(7)[0], 0x04);
    EXPECT_EQ(disk.image[place(2, 1, 1)], 0xf6);
    EXPECT_EQ(disk.image[place(2, 1, 18) + 511], 0xf6);
    EXPECT_NE(disk.image[place(3, 0, 1) + 1], 0xf6);
}

TEST_F(FloppyTest, a_short_image_is_zeroes_behind_its_end) {
    disk.image.resize(700);
    controller.medium_changed(0);
    std::fill_n(memory.bytes.begin() + 0x2'0000, 2048, u8{0xee});
    set_dma(1, 0x2'0000, 3 * 512);
    command({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    disk.serve_all();
    EXPECT_EQ(result(7)[0], 0);
    EXPECT_TRUE(memory_is(0x2'0000, 0, 700));
    EXPECT_EQ(memory.bytes[0x2'0000 + 700], 0);
    EXPECT_EQ(memory.bytes[0x2'0000 + 3 * 512 - 1], 0);
}

TEST_F(FloppyTest, it_says_who_it_is) {
    command({0x10});
    EXPECT_EQ(result(1)[0], 0x90);
    command({0x94});
    EXPECT_EQ(result(1)[0], 0x10);
    command({0x0e});
    EXPECT_EQ(result(10)[7], 0x80);
    command({0xff});
    EXPECT_EQ(result(1)[0], 0x80);
}

TEST_F(FloppyTest, a_reset_waits_for_the_request_under_way) {
    set_dma(1, 0x2'0000, 512);
    command({0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff});
    out(2, 0x08), out(2, 0x0c);
    EXPECT_EQ(in(4), 0);
    disk.serve_all();
    EXPECT_EQ(in(4), rqm);
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(memory.bytes[0x2'0000 + 1], 0); // nothing was moved
}

TEST_F(FloppyTest, the_gate_keeps_interrupts_off_the_bus) {
    out(2, 0x14);
    command({0x07, 0x00});
    EXPECT_FALSE(irq.level());
    out(2, 0x1c);
    EXPECT_TRUE(irq.level());
}

TEST_F(FloppyTest, a_driver_that_does_anything_gets_answers) {
    std::mt19937_64 random{20260103};
    disk.bad_sectors = {100};
    constexpr std::array<u8, 20> codes = {0x46, 0xe6, 0xc5, 0x45, 0x0d, 0x4d, 0x4a, 0x07, 0x0f, 0x8f,
                                          0xcf, 0x08, 0x04, 0x03, 0x13, 0x12, 0x42, 0x56, 0x0e, 0x94};
    for (int i = 0; i < 300'000; ++i) {
        u64 const value = random();
        switch (random() % 12) {
        case 0:
        case 1: out(5, codes[value % codes.size()]); break;
        case 2:
        case 3: out(5, value & 1 ? 0 : value >> 8 & 0xff); break;
        case 4:
        case 5:
            for (int n = 0; n < 16; ++n) in(5);
            break;
        case 6: out(static_cast<u16>(value % 6), value >> 8); break;
        case 7: out(2, 0x1c | (value & 1)); break;
        case 8: dma.first().write(value & 15, static_cast<u8>(value >> 8)); break;
        case 9: set_dma(static_cast<u8>(value & 3), value >> 8 & 0x1f'ffff, 1 + (value >> 32 & 0xffff)); break;
        default:
            disk.serve();
            controller.direction().write(0, 0);
            break;
        }
        if (value % 10'000 == 0) controller.reset();
    }
    disk.serve_all();
    EXPECT_EQ(disk.overlapping_requests, 0);
    EXPECT_EQ(disk.impossible_requests, 0);
}

} // namespace
} // namespace ring3
