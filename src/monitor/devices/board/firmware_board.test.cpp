// The board as firmware finds it, and a guest that does anything to what firmware programs.
#include "monitor/devices/board/pc.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace ring3 {
namespace {

struct Power final : PowerSwitch {
    void power_off() override {}
    void reset() override {}
    void debug_exit(u32) override {}
    void set_exit_status(u8) override {}
    void input_wanted() override {}
};

/// Refuses what overlaps, as the monitor does.
struct Map final : MemoryMap {
    std::map<u64, u64> ranges; // start, size
    bool map(GuestPhys start, std::span<u8> bytes, Kind) override {
        for (auto const& [at, size] : ranges)
            if (start.raw < at + size && at < start.raw + bytes.size()) return false;
        ranges[start.raw] = bytes.size();
        return true;
    }
    void map_over(GuestPhys, std::span<u8>, Kind) override {}
    void unmap(GuestPhys start, u64) override { ranges.erase(start.raw); }
};

class FirmwareBoard : public testing::Test {
protected:
    FirmwareBoard() {
        PcConfig config;
        config.ram_below_4g = 64 << 20;
        config.firmware.image.resize(FirmwareConfig::image_unit);
        config.firmware.vga_rom.resize(0x1'0000);
        config.firmware.boot_order = {BootDevice::cdrom, BootDevice::floppy, BootDevice::none};
        config.firmware.files = {{"opt/x", {'y'}}};
        PcOutside outside;
        outside.memory_map = &map;
        outside.shadow_memory = shadow;
        outside.video_memory = video;
        board = std::make_unique<Pc>(config, clock, outside, power, a20);
    }
    u32 in(u16 port, unsigned bytes) { return board->ports().read(port, bytes); }
    void out(u16 port, u32 value, unsigned bytes) { board->ports().write(port, value, bytes); }
    u32 config_read(unsigned slot, unsigned function, unsigned offset, unsigned bytes) {
        out(0xcf8, 0x8000'0000 | slot << 11 | function << 8 | (offset & 0xfc), 4);
        return in(static_cast<u16>(0xcfc + offset % 4), bytes);
    }
    void config_write(unsigned slot, unsigned function, unsigned offset, u32 value, unsigned bytes) {
        out(0xcf8, 0x8000'0000 | slot << 11 | function << 8 | (offset & 0xfc), 4);
        out(static_cast<u16>(0xcfc + offset % 4), value, bytes);
    }
    u8 cmos(u8 index) {
        out(0x70, index, 1);
        return static_cast<u8>(in(0x71, 1));
    }
    std::vector<u8> shadow = std::vector<u8>(ShadowRam::size), video = std::vector<u8>(1 << 20);
    Map map;
    ManualClock clock;
    Power power;
    OpenLine a20;
    std::unique_ptr<Pc> board;
};

TEST_F(FirmwareBoard, nothing_is_set_up_yet) {
    EXPECT_EQ(map.ranges.count(0xffff'0000), 1u) << "the ROM ends at 4 GiB";
    EXPECT_EQ(config_read(0, 0, 0x59, 1), 0u) << "C0000-FFFFF lead to the bus";
    EXPECT_EQ(config_read(1, 0, 0x60, 4), 0x8080'8080u) << "PCI interrupts go nowhere";
    EXPECT_EQ(in(0x608, 4), 0xffff'ffffu) << "no PM block";
    EXPECT_EQ(config_read(1, 3, 0x5b, 1), 0x02u) << "SMM: taken care of";
    EXPECT_EQ(config_read(2, 0, 0x10, 4), 8u) << "the frame buffer has no address";
    EXPECT_EQ(cmos(0x3d), 0x13) << "CD-ROM, then floppy";
}

TEST_F(FirmwareBoard, windows_and_the_pm_block_go_where_firmware_puts_them) {
    config_write(1, 3, 0x40, 0x601, 4);
    config_write(1, 3, 0x80, 1, 1);
    EXPECT_NE(in(0x608, 4), 0xffff'ffffu);
    config_write(2, 0, 0x10, 0xfd00'0000, 4);
    config_write(2, 0, 0x04, 3, 2);
    EXPECT_EQ(map.ranges.count(0xfd00'0000), 1u);
    config_write(2, 0, 0x30, 0xfeb0'0001, 4);
    EXPECT_EQ(map.ranges.count(0xfeb0'0000), 1u);
    config_write(2, 0, 0x30, 0, 4);
    EXPECT_EQ(map.ranges.count(0xfeb0'0000), 0u);
}

TEST_F(FirmwareBoard, any_programming_of_it_is_survived) {
    std::mt19937 random{5};
    auto const number = [&random] { return static_cast<u32>(random()); };
    static constexpr u8 registers[] = {0x04, 0x10, 0x18, 0x30, 0x40, 0x59, 0x5c, 0x60, 0x80};
    static constexpr u32 values[] = {0, ~0u, 0xfd00'0000, 0xffff'0000, 0xc001, 0x601, 0x3333'3333, 7};
    for (int i = 0; i < 60'000; ++i) {
        unsigned const slot = number() % 4, function = number() % 2 * 3;
        config_write(slot, slot == 1 ? function : 0, registers[number() % std::size(registers)],
                     number() & 1 ? number() : values[number() % std::size(values)], number() & 1 ? 4 : 1);
        out(static_cast<u16>(0x510 + number() % 12), number(), 1u << number() % 3);
        out(static_cast<u16>(0x1ce + number() % 3), number() & 0xfff, 2);
        board->mmio().write({0xa'0000 + number() % 0x6'0000}, number(), 1u << number() % 4);
        board->mmio().read({values[number() % std::size(values)]}, 8);
        if (i % 10'000 == 0) board->reset();
    }
    board->reset();
    EXPECT_EQ(map.ranges.size(), 1u) << "only the ROM stays";
}

} // namespace
} // namespace ring3
