// A CD-ROM drive as a driver uses it (ATA/ATAPI-7 9.8, MMC-4).
#include "monitor/devices/bus/line.h"
#include "monitor/devices/piix_ide.h"
#include "monitor/devices/test_disk.h"

#include <gtest/gtest.h>

#include <random>

namespace ring3 {
namespace {

constexpr u8 chk = 0x01, drq = 0x08, bsy = 0x80, idle = 0x50;
constexpr u32 sectors = 400;

struct NoInterrupts final : PciInterrupts {
    void set_intx(unsigned, unsigned, unsigned, bool) override {}
};

class AtapiTest : public testing::Test {
protected:
    AtapiTest() {
        disc.read_only = true;
        ide.channel(1).attach_cdrom(0, disc, {});
        ide.plug_into(spaces, interrupts, {1, 1});
        EXPECT_TRUE(ports.claim(PiixIde::command_ports[1], ide.channel(1).command_block()));
        EXPECT_TRUE(ports.claim(PiixIde::control_ports[1], ide.channel(1).control_block()));
        ide.reset();
        ide.write_config(0x20, bus_master, 4);
        ide.write_config(PciFunction::command, 5, 2);
        ide.map_windows();
    }
    u8 in(u16 offset) { return static_cast<u8>(ports.read(static_cast<u16>(0x170 + offset), 1)); }
    void out(u16 offset, u64 value) {
        ports.write(static_cast<u16>(0x170 + offset), static_cast<u32>(value & 0xff), 1);
    }
    u8 status() { return in(7); }
    using Packet = std::array<u8, 12>;

    /// Sends a packet; the drive has taken it when this returns.
    void packet(Packet const& bytes, u16 limit = 0xfffe, u8 feature = 0) {
        out(6, 0xa0), out(1, feature), out(4, limit), out(5, limit >> 8), out(7, 0xa0);
        EXPECT_EQ(status() & (bsy | drq), drq);
        EXPECT_EQ(in(2), 1); // the command goes to the drive
        for (std::size_t i = 0; i < bytes.size(); i += 2) ports.write(0x170, bytes[i] | u32{bytes[i + 1]} << 8, 2);
        disc.serve_all();
    }
    /// Everything that the drive sends, in blocks as it announces them.
    std::vector<u8> reply() {
        std::vector<u8> result;
        while (status() & drq) {
            EXPECT_EQ(in(2), 2); // data to the host
            u32 const bytes = in(4) | u32{in(5)} << 8;
            blocks.push_back(bytes);
            for (u32 i = 0; i < bytes; i += 2) {
                u32 const word = ports.read(0x170, 2);
                result.push_back(static_cast<u8>(word));
                if (i + 1 < bytes) result.push_back(static_cast<u8>(word >> 8));
            }
            disc.serve_all();
        }
        EXPECT_EQ(in(2), 3); // command complete
        return result;
    }
    std::array<u8, 3> sense() {
        packet({0x03, 0, 0, 0, 18});
        auto const bytes = reply();
        return bytes.size() < 14 ? std::array<u8, 3>{} : std::array<u8, 3>{bytes[2], bytes[12], bytes[13]};
    }
    void expect_failure(std::array<u8, 3> expected) {
        EXPECT_EQ(status(), idle | chk);
        EXPECT_EQ(in(1) >> 4, expected[0]);
        EXPECT_EQ(sense(), expected);
    }
    static Packet read_10(u32 first, u16 count) {
        return {0x28,
                0,
                static_cast<u8>(first >> 24),
                static_cast<u8>(first >> 16),
                static_cast<u8>(first >> 8),
                static_cast<u8>(first),
                0,
                static_cast<u8>(count >> 8),
                static_cast<u8>(count)};
    }
    std::vector<u8> of_disc(u32 first, u32 count) const {
        auto const start = disc.image.begin() + first * 2048;
        return {start, start + count * 2048};
    }

    static constexpr u32 bus_master = 0xc000;
    TestMemory memory{1 << 20};
    TestDisk disc{memory, sectors * 2048};
    OpenLine irq, other_irq;
    PortBus ports;
    MmioBus mmio;
    NoMemoryMap memory_map;
    PciSpaces spaces{ports, mmio, memory_map};
    NoInterrupts interrupts;
    PiixIde ide{memory, other_irq, irq};
    std::vector<u32> blocks;
};

TEST_F(AtapiTest, the_signature_says_that_it_takes_packets) {
    EXPECT_EQ(status(), 0);
    EXPECT_EQ(in(4), 0x14);
    EXPECT_EQ(in(5), 0xeb);
    out(7, 0xec); // IDENTIFY DEVICE is for disks
    EXPECT_EQ(status(), idle | chk);
    EXPECT_EQ(in(4), 0x14);
    out(7, 0xa1);
    EXPECT_EQ(status() & drq, drq);
    EXPECT_EQ(ports.read(0x170, 2), 0x85c0u);
}

TEST_F(AtapiTest, inquiry_names_a_removable_cd_rom) {
    packet({0x12, 0, 0, 0, 36});
    auto const bytes = reply();
    ASSERT_EQ(bytes.size(), 36u);
    EXPECT_EQ(bytes[0], 0x05);
    EXPECT_EQ(bytes[1], 0x80);
    EXPECT_EQ(std::string(bytes.begin() + 8, bytes.begin() + 13), "RING3");
}

TEST_F(AtapiTest, capacity_is_the_last_sector) {
    packet({0x25});
    EXPECT_EQ(reply(), (std::vector<u8>{0, 0, 0x01, 0x8f, 0, 0, 8, 0}));
}

TEST_F(AtapiTest, sectors_come_in_blocks_of_at_most_the_hosts_limit) {
    packet(read_10(5, 3), 2048);
    EXPECT_EQ(reply(), of_disc(5, 3));
    EXPECT_EQ(blocks, (std::vector<u32>{2048, 2048, 2048}));
    blocks.clear();
    packet(read_10(0, 1), 512);
    EXPECT_EQ(reply(), of_disc(0, 1));
    EXPECT_EQ(blocks.size(), 4u);
    packet({0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 100}); // READ (12)
    EXPECT_EQ(reply(), of_disc(9, 100));
}

TEST_F(AtapiTest, beyond_the_end_is_no_place) {
    packet(read_10(sectors - 1, 2));
    expect_failure({5, 0x21, 0});
    packet(read_10(0xffff'ffff, 0xffff));
    expect_failure({5, 0x21, 0});
    EXPECT_EQ(sense(), (std::array<u8, 3>{0, 0, 0})); // asking clears it
}

TEST_F(AtapiTest, a_sector_that_cannot_be_read_is_a_medium_error) {
    disc.bad_sectors = {8 * 4};
    packet(read_10(8, 1));
    expect_failure({3, 0x11, 0});
}

TEST_F(AtapiTest, sectors_go_to_memory_by_dma) {
    memory.put32(0x1000, 0x8000), memory.put32(0x1004, 0x800);
    memory.put32(0x1008, 0xa000), memory.put32(0x100c, 0x8000'1000);
    ports.write(bus_master + 8 + 4, 0x1000, 4);
    packet(read_10(7, 3), 0, 1);
    EXPECT_EQ(status() & bsy, bsy);
    ports.write(bus_master + 8, 9, 1);
    disc.serve_all();
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(ports.read(bus_master + 8 + 2, 1) & 7, 4u);
    EXPECT_EQ(status(), idle);
    auto const data = of_disc(7, 3);
    EXPECT_TRUE(std::equal(data.begin(), data.begin() + 0x800, memory.bytes.begin() + 0x8000));
    EXPECT_TRUE(std::equal(data.begin() + 0x800, data.end(), memory.bytes.begin() + 0xa000));
}

TEST_F(AtapiTest, short_replies_go_by_dma_too) {
    memory.put32(0x1000, 0x8000), memory.put32(0x1004, 0x8000'0024);
    ports.write(bus_master + 8 + 4, 0x1000, 4);
    packet({0x12, 0, 0, 0, 36}, 0, 1);
    ports.write(bus_master + 8, 9, 1);
    EXPECT_EQ(status(), idle);
    EXPECT_EQ(memory.bytes[0x8008], 'R');
}

TEST_F(AtapiTest, the_table_of_contents_has_one_data_track_and_the_lead_out) {
    packet({0x43, 0, 0, 0, 0, 0, 0, 0, 100});
    EXPECT_EQ(reply(), (std::vector<u8>{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0x01, 0x90}));
    packet({0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100}); // in minutes, seconds, frames
    auto const bytes = reply();
    ASSERT_EQ(bytes.size(), 12u);
    EXPECT_EQ(bytes[9] * 60 * 75 + bytes[10] * 75 + bytes[11], int{sectors} + 150);
    packet({0x43, 0, 1, 0, 0, 0, 0, 0, 12});
    EXPECT_EQ(reply().size(), 12u);
    packet({0x43, 0, 2, 0, 0, 0, 0, 0, 100});
    EXPECT_EQ(reply().size(), 48u);
}

TEST_F(AtapiTest, a_reply_is_cut_to_what_was_allocated) {
    packet({0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 8});
    EXPECT_EQ(reply().size(), 8u);
    packet({0x46, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(reply().size(), 0u);
    packet({0x46, 0, 0, 0, 0, 0, 0, 0, 200});
    auto const bytes = reply();
    EXPECT_EQ(bytes.size(), 4u + (u32{bytes[2]} << 8 | bytes[3]));
    EXPECT_EQ(bytes[7], 0x08); // a CD-ROM is in
}

TEST_F(AtapiTest, an_open_tray_has_no_medium_and_a_locked_one_stays_shut) {
    packet({0x1e, 0, 0, 0, 1});
    packet({0x1b, 0, 0, 0, 2});
    expect_failure({5, 0x53, 2});
    packet({0x1e, 0, 0, 0, 0});
    packet({0x1b, 0, 0, 0, 2});
    EXPECT_EQ(status(), idle);
    packet({0x00});
    expect_failure({2, 0x3a, 2});
    packet({0x1b, 0, 0, 0, 3});
    packet({0x00});
    expect_failure({6, 0x28, 0}); // the medium may have changed
    packet({0x00});
    EXPECT_EQ(status(), idle);
}

TEST_F(AtapiTest, a_change_of_the_disc_is_told_once) {
    disc.image.clear();
    ide.channel(1).cdrom(0)->medium_changed();
    packet({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
    EXPECT_EQ(reply()[4], 3); // removed
    packet({0x00});
    expect_failure({2, 0x3a, 1});
    disc.image.resize(2048 * 10);
    ide.channel(1).cdrom(0)->medium_changed();
    packet({0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8});
    EXPECT_EQ(reply()[4], 2); // a new one
    packet({0x25});
    expect_failure({6, 0x28, 0});
    packet({0x25});
    EXPECT_EQ(reply()[3], 9);
}

TEST_F(AtapiTest, unknown_commands_are_illegal_requests) {
    packet({0x2a, 0, 0, 0, 0, 0, 0, 0, 1}); // WRITE (10)
    expect_failure({5, 0x20, 0});
    packet({0x5a, 0, 0x0f});
    expect_failure({5, 0x24, 0});
}

TEST_F(AtapiTest, device_reset_ends_what_hangs) {
    out(6, 0xa0), out(1, 0), out(4, 0), out(5, 8), out(7, 0xa0);
    auto const command = read_10(3, 1);
    for (std::size_t i = 0; i < command.size(); i += 2) ports.write(0x170, command[i] | u32{command[i + 1]} << 8, 2);
    EXPECT_EQ(status() & bsy, bsy);
    out(7, 0x08);
    disc.serve_all();
    EXPECT_EQ(status(), 0);
    EXPECT_EQ(in(4), 0x14);
    EXPECT_FALSE(irq.level());
}

TEST_F(AtapiTest, a_driver_that_does_anything_gets_answers) {
    std::mt19937_64 random{20260102};
    disc.bad_sectors = {77, 500};
    constexpr std::array<u8, 24> operations = {0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x43, 0x46, 0x4a, 0x51,
                                               0x52, 0x5a, 0xa8, 0xad, 0xb9, 0xbb, 0xbd, 0xbe, 0x28, 0x28, 0xa8, 0xff};
    for (int i = 0; i < 200'000; ++i) {
        u64 const value = random();
        switch (random() % 12) {
        case 0:
        case 1: {
            out(1, value & 1), out(4, value >> 8), out(5, value >> 16), out(7, 0xa0);
            Packet bytes{};
            for (u8& byte : bytes) byte = static_cast<u8>(random() & random());
            bytes[0] = operations[value % operations.size()];
            if (random() & 3) bytes[2] = bytes[3] = bytes[6] = bytes[7] = 0;
            for (std::size_t at = 0; at < bytes.size(); at += 2)
                ports.write(0x170, bytes[at] | u32{bytes[at + 1]} << 8, 2);
            break;
        }
        case 2: out(7, value); break;
        case 3: out(static_cast<u16>(1 + value % 6), value >> 8); break;
        case 4: ports.write(0x170, static_cast<u32>(value), 1u << value % 3); break;
        case 5: ports.read(static_cast<u16>(0x170 + value % 8), 1u << (value >> 8) % 3); break;
        case 6:
            ports.write(static_cast<u16>(bus_master + value % 16), static_cast<u32>(value >> 8), 1u << value % 3);
            break;
        case 7: ports.write(bus_master + 8, value & 1 ? 9 : 0, 1); break;
        case 8: memory.put32(value & 0x1'fffc, static_cast<u32>(random() & 0x8001'ffff)); break;
        case 9:
            for (int word = 0; word < 512; ++word) ports.read(0x170, 4);
            break;
        default: disc.serve(); break;
        }
        if (value % 10'000 == 0) ide.reset();
    }
    disc.serve_all();
    EXPECT_EQ(disc.overlapping_requests, 0);
    EXPECT_EQ(disc.impossible_requests, 0);
}

} // namespace
} // namespace ring3
