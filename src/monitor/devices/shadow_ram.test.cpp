#include "monitor/devices/shadow_ram.h"

#include <gtest/gtest.h>

#include <map>

namespace ring3 {
namespace {

/// Who answers for each 16-KiB piece.
struct Map final : MemoryMap {
    struct Piece {
        u8 const* bytes;
        Kind kind;
    };
    std::map<u64, Piece> pieces;
    int changes{};
    bool map(GuestPhys, std::span<u8>, Kind) override { return false; }
    void map_over(GuestPhys start, std::span<u8> bytes, Kind kind) override {
        ++changes;
        for (u64 i = 0; i < bytes.size(); i += 0x4000) pieces[start.raw + i] = {bytes.data() + i, kind};
    }
    void unmap(GuestPhys start, u64 size) override {
        ++changes;
        for (u64 i = 0; i < size; i += 0x4000) pieces.erase(start.raw + i);
    }
};

class ShadowRamTest : public testing::Test {
protected:
    Map map;
    std::vector<u8> ram = std::vector<u8>(ShadowRam::size), rom = std::vector<u8>(0x4'0000);
    ShadowRam shadow{map, ram, rom};
};

TEST_F(ShadowRamTest, after_reset_firmware_is_read_and_nothing_below_it) {
    for (unsigned segment = 0; segment < ShadowRam::segments; ++segment) shadow.set(segment, {});
    EXPECT_EQ(map.pieces.count(0xc'0000), 0u);
    EXPECT_EQ(map.pieces.count(0xd'c000), 0u);
    EXPECT_EQ(map.pieces.at(0xe'0000).bytes, &rom[0x2'0000]) << "the ROM's last 128 KiB";
    EXPECT_EQ(map.pieces.at(0xf'c000).bytes, &rom[0x3'c000]);
    EXPECT_EQ(map.pieces.at(0xf'c000).kind, MemoryMap::Kind::rom);
    EXPECT_EQ(shadow.read(0, 4), ~u64{});
}

TEST_F(ShadowRamTest, writes_reach_ram_while_the_rom_is_read) {
    shadow.set(12, {});
    shadow.write(0x3'0010, 0x1111, 2);
    EXPECT_EQ(ram[0x3'0010], 0u) << "the ROM does not take it";
    int const before = map.changes;
    shadow.set(12, {.read_ram = false, .write_ram = true});
    EXPECT_EQ(map.changes, before) << "what is read stays";
    shadow.write(0x3'0010, 0x2211, 2);
    EXPECT_EQ(ram[0x3'0010], 0x11u);
    EXPECT_EQ(ram[0x3'0011], 0x22u);
    shadow.write(0x2'ffff, 0x4433, 2); // over a segment's border: the lower one is plain RAM and not ours
    EXPECT_EQ(ram[0x2'ffff], 0u);
    EXPECT_EQ(ram[0x3'0000], 0x44u);
}

TEST_F(ShadowRamTest, a_write_protected_segment_is_ram_that_is_only_read) {
    shadow.set(0, {.read_ram = true, .write_ram = false});
    EXPECT_EQ(map.pieces.at(0xc'0000).bytes, ram.data());
    EXPECT_EQ(map.pieces.at(0xc'0000).kind, MemoryMap::Kind::rom);
    shadow.write(0, 1, 1);
    EXPECT_EQ(ram[0], 0u);
    shadow.set(0, {.read_ram = true, .write_ram = true});
    EXPECT_EQ(map.pieces.at(0xc'0000).kind, MemoryMap::Kind::ram);
    shadow.set(99, {}); // there is none
}

TEST(ShadowRam, a_small_rom_shows_at_its_end_only) {
    Map map;
    std::vector<u8> ram(ShadowRam::size), rom(0x1'0000);
    ShadowRam shadow{map, ram, rom};
    for (unsigned segment = 0; segment < ShadowRam::segments; ++segment) shadow.set(segment, {});
    EXPECT_EQ(map.pieces.count(0xe'c000), 0u);
    EXPECT_EQ(map.pieces.at(0xf'0000).bytes, rom.data());
}

} // namespace
} // namespace ring3
