// A hard disk as a driver uses it, through the PIIX3's ports (ATA/ATAPI-7).
#include "monitor/devices/bus/line.h"
#include "monitor/devices/piix_ide.h"
#include "monitor/devices/test_disk.h"

#include <gtest/gtest.h>

#include <random>

namespace ring3 {
namespace {

constexpr u8 err = 0x01, drq = 0x08, drdy = 0x40, bsy = 0x80;
constexpr u8 idle = 0x50, offers = 0x58;
constexpr u32 sectors = 5000;

struct NoInterrupts final : PciInterrupts {
    void set_intx(unsigned, unsigned, unsigned, bool) override {}
};

class AtaDiskTest : public testing::Test {
protected:
    AtaDiskTest() {
        ide.channel(0).attach_disk(0, disk, {});
        ide.plug_into(spaces, interrupts, {1, 1});
        EXPECT_TRUE(ports.claim(PiixIde::command_ports[0], ide.channel(0).command_block()));
        EXPECT_TRUE(ports.claim(PiixIde::control_ports[0], ide.channel(0).control_block()));
        ide.reset();
        ide.write_config(0x20, bus_master, 4);
        ide.write_config(PciFunction::command, 5, 2);
        ide.map_windows();
    }
    u8 in(u16 offset) { return static_cast<u8>(ports.read(static_cast<u16>(0x1f0 + offset), 1)); }
    void out(u16 offset, unsigned value) { ports.write(static_cast<u16>(0x1f0 + offset), value, 1); }
    u8 status() { return in(7); }
    u8 alternate_status() { return static_cast<u8>(ports.read(0x3f6, 1)); }

    void command(u8 command, u32 lba = 0, u8 count = 1, u8 feature = 0) {
        out(6, 0xe0 | (lba >> 24 & 0xf));
        out(1, feature), out(2, count);
        out(3, lba), out(4, lba >> 8), out(5, lba >> 16);
        out(7, command);
    }
    void command_ext(u8 command, u64 lba, u16 count) {
        out(6, 0xe0);
        out(2, count >> 8), out(2, count);
        for (unsigned i = 0; i < 3; ++i) {
            out(static_cast<u16>(3 + i), static_cast<unsigned>(lba >> (24 + 8 * i) & 0xff));
            out(static_cast<u16>(3 + i), static_cast<unsigned>(lba >> 8 * i & 0xff));
        }
        out(7, command);
    }
    std::vector<u8> read_data(std::size_t bytes) {
        std::vector<u8> result;
        for (std::size_t i = 0; i < bytes; i += 2) {
            u32 const word = ports.read(0x1f0, 2);
            result.push_back(static_cast<u8>(word));
            result.push_back(static_cast<u8>(word >> 8));
        }
        return result;
    }
    void write_data(std::span<u8 const> bytes) {
        for (std::size_t i = 0; i < bytes.size(); i += 2) ports.write(0x1f0, bytes[i] | u32{bytes[i + 1]} << 8, 2);
    }
    std::vector<u8> of_image(u64 lba, u32 count) const {
        auto const first = disk.image.begin() + static_cast<std::ptrdiff_t>(lba * 512);
        return {first, first + count * 512};
    }
    std::vector<u8> identify() {
        command(0xec);
        return read_data(512);
    }
    static unsigned word(std::vector<u8> const& block, unsigned index) {
        return block[2 * index] | unsigned{block[2 * index + 1]} << 8;
    }

    // ---- bus master
    struct Prd {
        u32 address{}, count{};
    };
    void set_table(std::vector<Prd> const& entries, bool ends = true) {
        u32 at = table;
        for (std::size_t i = 0; i < entries.size(); ++i, at += 8) {
            memory.put32(at, entries[i].address);
            memory.put32(at + 4, (entries[i].count & 0xffff) | (ends && i + 1 == entries.size() ? 0x8000'0000 : 0));
        }
        ports.write(bus_master + 4, table, 4);
    }
    void start_bus_master(bool to_memory) { ports.write(bus_master, to_memory ? 9 : 1, 1); }
    u8 bus_status() { return static_cast<u8>(ports.read(bus_master + 2, 1)); }

    static constexpr u32 bus_master = 0xc000, table = 0x1000;
    TestMemory memory{1 << 20};
    TestDisk disk{memory, sectors * 512};
    OpenLine irq, other_irq;
    PortBus ports;
    MmioBus mmio;
    NoMemoryMap memory_map;
    PciSpaces spaces{ports, mmio, memory_map};
    NoInterrupts interrupts;
    PiixIde ide{memory, irq, other_irq};
};

TEST_F(AtaDiskTest, after_power_on_the_signature_says_that_it_is_a_disk) {
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(in(1), 0x01); // diagnostics passed
    EXPECT_EQ(in(2), 1);
    EXPECT_EQ(in(3), 1);
    EXPECT_EQ(in(4), 0);
    EXPECT_EQ(in(5), 0);
    EXPECT_FALSE(irq.level());
}

TEST_F(AtaDiskTest, a_drive_that_is_not_there_answers_zero) {
    out(6, 0xf0);
    EXPECT_EQ(status(), 0);
    EXPECT_EQ(ports.read(0x1f0, 2), 0u);
    out(7, 0xec);
    EXPECT_EQ(status(), 0);
    out(6, 0xe0);
    EXPECT_EQ(status(), idle);
}

TEST_F(AtaDiskTest, identify_tells_capacity_and_geometry_and_sums_up_to_zero) {
    auto const block = identify();
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(word(block, 0), 0x0040u);
    EXPECT_EQ(word(block, 1), sectors / (16 * 63));
    EXPECT_EQ(word(block, 3), 16u);
    EXPECT_EQ(word(block, 6), 63u);
    EXPECT_EQ(word(block, 60) | word(block, 61) << 16, sectors);
    EXPECT_EQ(word(block, 100), sectors);
    EXPECT_EQ(word(block, 83) & 0x0400, 0x0400u); // 48-bit addresses
    EXPECT_EQ(word(block, 27), 'R' << 8 | 'I');
    u8 sum = 0;
    for (u8 const byte : block) sum = static_cast<u8>(sum + byte);
    EXPECT_EQ(sum, 0);
}

TEST_F(AtaDiskTest, reading_by_pio_interrupts_before_each_sector) {
    command(0x20, 17, 3);
    EXPECT_EQ(alternate_status() & bsy, bsy);
    EXPECT_FALSE(irq.level());
    disk.serve_all();
    std::vector<u8> data;
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(irq.level());
        EXPECT_EQ(status(), offers);
        EXPECT_FALSE(irq.level()); // reading status acknowledges
        auto const sector = read_data(512);
        data.insert(data.end(), sector.begin(), sector.end());
    }
    EXPECT_FALSE(irq.level());
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(data, of_image(17, 3));
    EXPECT_EQ(ports.read(0x1f0, 2), 0u); // nothing more comes
}

TEST_F(AtaDiskTest, a_count_of_zero_is_256_sectors) {
    command(0x20, 0, 0);
    std::vector<u8> data;
    while (disk.serve() || (alternate_status() & drq)) {
        if (!(alternate_status() & drq)) continue;
        auto const sector = read_data(512);
        data.insert(data.end(), sector.begin(), sector.end());
    }
    EXPECT_EQ(data, of_image(0, 256));
}

TEST_F(AtaDiskTest, multiple_sectors_share_an_interrupt) {
    command(0xc6, 0, 8);
    EXPECT_EQ(status(), idle);
    unsigned const before = irq.rises();
    command(0xc4, 100, 20);
    disk.serve_all();
    std::vector<u8> data;
    for (u32 const count : {8u, 8u, 4u}) {
        EXPECT_EQ(status(), offers);
        auto const block = read_data(count * 512);
        data.insert(data.end(), block.begin(), block.end());
    }
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(irq.rises() - before, 3u);
    EXPECT_EQ(data, of_image(100, 20));
}

TEST_F(AtaDiskTest, a_multiple_mode_that_is_no_power_of_two_is_aborted_and_disables_the_commands) {
    command(0xc6, 0, 5);
    EXPECT_EQ(status(), idle | err);
    EXPECT_EQ(in(1), 0x04);
    command(0xc4, 0, 1);
    EXPECT_EQ(status(), idle | err);
}

TEST_F(AtaDiskTest, writing_by_pio_reaches_the_medium_before_the_last_interrupt) {
    std::vector<u8> const data(3 * 512, 0x5a);
    command(0x30, 200, 3);
    EXPECT_EQ(status(), offers);
    EXPECT_FALSE(irq.level()); // the first block is not announced
    write_data(std::span{data}.first(512));
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(status(), offers);
    write_data(std::span{data}.subspan(512));
    EXPECT_EQ(alternate_status() & bsy, bsy);
    disk.serve_all();
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(of_image(200, 3), data);
}

TEST_F(AtaDiskTest, forty_eight_bit_addresses_come_in_two_halves) {
    command_ext(0x24, 4999, 1);
    disk.serve_all();
    EXPECT_EQ(read_data(512), of_image(4999, 1));
    command_ext(0x24, u64{1} << 40, 1);
    EXPECT_EQ(status(), idle | err);
    EXPECT_EQ(in(1), 0x10);  // ID not found
    command_ext(0x27, 0, 0); // READ NATIVE MAX EXT
    EXPECT_EQ(in(3) | in(4) << 8 | in(5) << 16, 4999);
    ports.write(0x3f6, 0x80, 1); // HOB
    EXPECT_EQ(in(3), 0);
}

TEST_F(AtaDiskTest, cylinders_heads_and_sectors_follow_the_hosts_parameters) {
    out(6, 0xa0 | 3), out(2, 17), out(7, 0x91); // 4 heads, 17 sectors
    EXPECT_EQ(status(), idle);
    out(6, 0xa0 | 2), out(2, 1), out(3, 5), out(4, 9), out(5, 0), out(7, 0x20);
    disk.serve_all();
    EXPECT_EQ(read_data(512), of_image((9 * 4 + 2) * 17 + 4, 1));
    for (unsigned const bad_sector : {0u, 18u}) {
        out(3, bad_sector), out(7, 0x20);
        EXPECT_EQ(status(), idle | err);
        EXPECT_EQ(in(1), 0x10);
    }
    EXPECT_EQ(word(identify(), 55), 4u);
}

TEST_F(AtaDiskTest, a_bad_sector_gives_what_comes_before_it_and_its_address) {
    disk.bad_sectors = {33};
    command(0x20, 30, 8);
    disk.serve_all();
    for (u32 sector = 30; sector < 33; ++sector) {
        ASSERT_EQ(status(), offers);
        EXPECT_EQ(read_data(512), of_image(sector, 1));
        disk.serve_all();
    }
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(status(), idle | err);
    EXPECT_EQ(in(1), 0x40); // uncorrectable
    EXPECT_EQ(in(3), 33);
    command(0x20, 40, 1);
    disk.serve_all();
    EXPECT_EQ(read_data(512), of_image(40, 1)); // and life goes on
}

TEST_F(AtaDiskTest, a_write_that_fails_is_aborted) {
    disk.bad_sectors = {60};
    disk.failure = BlockStatus::no_space;
    command(0x30, 60, 1);
    write_data(std::vector<u8>(512, 1));
    disk.serve_all();
    EXPECT_EQ(status(), idle | err);
    EXPECT_EQ(in(1), 0x04);
}

TEST_F(AtaDiskTest, a_flush_is_a_flush_and_without_write_cache_each_write_is_followed_by_one) {
    command(0xe7);
    EXPECT_EQ(alternate_status() & bsy, bsy);
    ASSERT_TRUE(disk.request);
    EXPECT_EQ(disk.request->operation, BlockOperation::flush);
    disk.serve_all();
    EXPECT_EQ(status(), idle);
    command(0xef, 0, 0, 0x82);
    disk.serve_all();
    disk.history.clear();
    command(0x30, 1, 1);
    write_data(std::vector<u8>(512, 1));
    disk.serve_all();
    ASSERT_EQ(disk.history.size(), 2u);
    EXPECT_EQ(disk.history[1].operation, BlockOperation::flush);
    EXPECT_EQ(status(), idle);
}

TEST_F(AtaDiskTest, interrupts_wait_while_nien_is_set_and_come_when_it_is_cleared) {
    ports.write(0x3f6, 2, 1);
    command(0x70, 5);
    EXPECT_FALSE(irq.level());
    ports.write(0x3f6, 0, 1);
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(alternate_status(), idle);
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(status(), idle);
    EXPECT_FALSE(irq.level());
}

TEST_F(AtaDiskTest, a_reset_waits_for_the_request_under_way) {
    command(0x20, 17, 3);
    ports.write(0x3f6, 4, 1);
    ports.write(0x3f6, 0, 1);
    EXPECT_EQ(status(), bsy);
    command(0x20, 18, 3); // not taken
    disk.serve_all();
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(in(1), 1);
    EXPECT_EQ(disk.history.size(), 1u);
    EXPECT_EQ(disk.overlapping_requests, 0);
    EXPECT_FALSE(irq.level());
}

TEST_F(AtaDiskTest, unknown_commands_are_aborted) {
    for (unsigned const unknown : {0x00u, 0x01u, 0x22u, 0xf1u, 0xffu}) {
        command(static_cast<u8>(unknown));
        EXPECT_EQ(status(), idle | err);
        EXPECT_EQ(in(1), 0x04);
    }
}

TEST_F(AtaDiskTest, smart_answers_with_its_key_only) {
    out(4, 0x4f), out(5, 0xc2);
    out(1, 0xda), out(6, 0xe0), out(7, 0xb0);
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(in(4), 0x4f); // no threshold is exceeded
    out(4, 0), out(7, 0xb0);
    EXPECT_EQ(status(), idle | err);
}

// ---- bus master

TEST_F(AtaDiskTest, dma_reads_into_scattered_memory_and_interrupts_once) {
    set_table({{0x8000, 0x200}, {0x9004, 0x100}, {0xa000, 0x500}});
    command(0xc8, 7, 4);
    EXPECT_EQ(alternate_status() & bsy, bsy);
    start_bus_master(true);
    EXPECT_EQ(bus_status() & 7, 1); // active
    disk.serve_all();
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(bus_status() & 7, 4); // interrupt; the table was used up
    EXPECT_EQ(status(), idle);
    auto const data = of_image(7, 4);
    EXPECT_TRUE(std::equal(data.begin(), data.begin() + 0x200, memory.bytes.begin() + 0x8000));
    EXPECT_TRUE(std::equal(data.begin() + 0x200, data.begin() + 0x300, memory.bytes.begin() + 0x9004));
    EXPECT_TRUE(std::equal(data.begin() + 0x300, data.end(), memory.bytes.begin() + 0xa000));
    ports.write(bus_master + 2, 4, 1);
    ports.write(bus_master, 0, 1);
    EXPECT_EQ(bus_status(), 0);
}

TEST_F(AtaDiskTest, dma_may_be_started_before_the_command) {
    set_table({{0x8000, 0x400}});
    start_bus_master(false);
    std::fill_n(memory.bytes.begin() + 0x8000, 0x400, u8{0x77});
    command(0xca, 9, 2);
    disk.serve_all();
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(of_image(9, 2), std::vector<u8>(0x400, 0x77));
}

TEST_F(AtaDiskTest, a_region_of_count_zero_is_64_kib_and_a_longer_table_leaves_the_controller_active) {
    set_table({{0x2'0000, 0}, {0x4'0000, 0x200}});
    command(0xc8, 0, 128);
    start_bus_master(true);
    disk.serve_all();
    EXPECT_EQ(bus_status() & 7, 5);
    auto const data = of_image(0, 128);
    EXPECT_TRUE(std::equal(data.begin(), data.end(), memory.bytes.begin() + 0x2'0000));
}

TEST_F(AtaDiskTest, a_table_that_is_too_short_ends_without_an_interrupt) {
    set_table({{0x8000, 0x600}});
    command(0xc8, 0, 4);
    start_bus_master(true);
    disk.serve_all();
    EXPECT_FALSE(irq.level());
    EXPECT_EQ(bus_status() & 7, 0);
    EXPECT_EQ(status() & bsy, 0);
}

TEST_F(AtaDiskTest, memory_that_is_not_there_is_a_bus_error) {
    set_table({{0xffff'0000, 0x200}});
    command(0xc8, 0, 1);
    start_bus_master(true);
    disk.serve_all();
    EXPECT_EQ(bus_status() & 3, 2);
    EXPECT_EQ(status(), idle | err);
    ports.write(bus_master + 2, 6, 1);
    ports.write(bus_master, 0, 1);
    ports.write(bus_master + 4, 0xfff0'0000, 4); // the table itself
    command(0xc8, 0, 1);
    start_bus_master(true);
    EXPECT_EQ(bus_status() & 3, 2);
    EXPECT_EQ(disk.impossible_requests, 0);
}

TEST_F(AtaDiskTest, a_table_without_an_end_of_two_byte_regions_still_moves_every_sector) {
    std::vector<Prd> const entries(0x2000, Prd{0x8000, 2});
    u32 at = 0x1'0000; // fills its 64 KiB, and goes on at its beginning
    for (auto const& entry : entries) memory.put32(at, entry.address), memory.put32(at + 4, entry.count), at += 8;
    ports.write(bus_master + 4, 0x1'0000, 4);
    command_ext(0x25, 0, 64);
    start_bus_master(true);
    disk.serve_all();
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(disk.impossible_requests, 0);
    EXPECT_EQ(memory.bytes[0x8000], disk.image[64 * 512 - 2]);
}

TEST_F(AtaDiskTest, large_transfers_are_cut_into_requests) {
    std::vector<Prd> const entries(48, Prd{0x2'0000, 0});
    set_table(entries);
    command_ext(0x25, 0, 4096);
    start_bus_master(true);
    disk.serve_all();
    EXPECT_EQ(status(), idle);
    ASSERT_EQ(disk.history.size(), 2u);
    EXPECT_EQ(disk.history[0].bytes, max_block_bytes);
}

TEST_F(AtaDiskTest, without_bus_master_enable_no_memory_is_reached) {
    ide.write_config(PciFunction::command, 1, 2);
    set_table({{0x8000, 0x200}});
    command(0xc8, 0, 1);
    start_bus_master(true);
    EXPECT_EQ(bus_status() & 3, 2);
    EXPECT_TRUE(disk.history.empty());
}

TEST_F(AtaDiskTest, trimmed_ranges_reach_the_medium_as_discards) {
    memory.put32(0x8000, 100), memory.put32(0x8004, 8u << 16);
    memory.put32(0x8008, 4998), memory.put32(0x800c, 8u << 16); // beyond the end
    memory.put32(0x8010, 300), memory.put32(0x8014, 1u << 16);
    set_table({{0x8000, 0x200}});
    out(1, 1);
    command_ext(0x06, 0, 1);
    out(1, 1);
    start_bus_master(true);
    disk.serve_all();
    EXPECT_EQ(status(), idle);
    ASSERT_EQ(disk.history.size(), 2u);
    EXPECT_EQ(disk.history[0].operation, BlockOperation::discard);
    EXPECT_EQ(disk.history[0].offset, 100u * 512);
    EXPECT_EQ(disk.history[0].bytes, 8u * 512);
    EXPECT_EQ(disk.history[1].offset, 300u * 512);
}

// ---- anything at all

TEST_F(AtaDiskTest, a_driver_that_does_anything_gets_answers) {
    std::mt19937_64 random{20260101};
    std::vector<u8> const commands = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0xc4, 0xc5, 0xc6,
                                      0xc8, 0xca, 0xec, 0xef, 0xe7, 0x90, 0x91, 0xb0, 0xe4, 0xe8, 0x06, 0x3d};
    disk.bad_sectors = {77, 2500};
    for (int i = 0; i < 300'000; ++i) {
        u64 const value = random();
        switch (random() % 14) {
        case 0: out(7, commands[value % commands.size()]); break;
        case 1: out(7, value & 0xff); break;
        case 2: out(static_cast<u16>(1 + value % 6), value >> 8 & 0xff); break;
        case 3: out(static_cast<u16>(4 + value % 2), 0); break;
        case 4: ports.write(0x1f0, static_cast<u32>(value), 1u << value % 3); break;
        case 5:
        case 6: ports.read(static_cast<u16>(0x1f0 + value % 8), 1u << (value >> 8) % 3); break;
        case 7: ports.write(0x3f6, value % 16 == 0 ? value >> 8 & 0xff : 0, 1); break;
        case 8:
            ports.write(static_cast<u16>(bus_master + value % 16), static_cast<u32>(value >> 8), 1u << value % 3);
            break;
        case 9: ports.write(bus_master, value & 1 ? 9 : 0, 1); break;
        case 10: ports.write(bus_master + 4, value & 0x1'fffc, 4); break;
        case 11: memory.put32(value & 0x1'fffc, static_cast<u32>(random() & 0x8001'ffff)); break;
        case 12: read_data(512); break;
        default: disk.serve(); break;
        }
        if (value % 10'000 == 0) ide.reset();
    }
    disk.serve_all();
    EXPECT_EQ(disk.overlapping_requests, 0);
    EXPECT_EQ(disk.impossible_requests, 0);
    ports.write(0x3f6, 4, 1);
    ports.write(0x3f6, 0, 1);
    out(6, 0xe0);
    EXPECT_EQ(status() & drdy, drdy);
    EXPECT_EQ(identify()[0], 0x40);
}

} // namespace
} // namespace ring3
