#include "monitor/devices/fw_cfg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ring3 {
namespace {

/// 64 KiB of RAM at 0.
struct Memory final : DmaMemory {
    std::vector<u8> bytes = std::vector<u8>(0x1'0000, 0x55);
    bool holds(GuestPhys address, u64 size) const {
        return address.raw <= bytes.size() && size <= bytes.size() - address.raw;
    }
    bool read(GuestPhys address, std::span<u8> out) override {
        if (!holds(address, out.size())) return false;
        std::ranges::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(address.raw),
                            static_cast<std::ptrdiff_t>(out.size()), out.begin());
        return true;
    }
    bool write(GuestPhys address, std::span<u8 const> in) override {
        if (!holds(address, in.size())) return false;
        std::ranges::copy(in, bytes.begin() + static_cast<std::ptrdiff_t>(address.raw));
        return true;
    }
    void note_written(GuestPhys, u64) override {}
};

class FwCfgTest : public testing::Test {
protected:
    std::string item(u16 key, unsigned bytes) {
        ports.write(0x510, key, 2);
        std::string out;
        for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<char>(ports.read(0x511, 1)));
        return out;
    }
    FwCfgTest() {
        EXPECT_TRUE(ports.claim(FwCfg::ports, device));
        EXPECT_TRUE(ports.claim(FwCfg::dma_ports, device.dma_port()));
    }
    static void put(u8* at, u64 value, unsigned size) {
        for (unsigned i = 0; i < size; ++i) at[i] = static_cast<u8>(value >> (8 * (size - 1 - i)));
    }
    /// Puts a request at 100h, starts it and answers its control field.
    u32 dma(u32 control, u32 length, u64 address) {
        u8* const request = &memory.bytes[0x100];
        put(request, control, 4), put(request + 4, length, 4), put(request + 8, address, 8);
        ports.write(0x514, 0, 4);
        ports.write(0x518, 0x0001'0000, 4); // 100h, big-endian
        return u32{request[0]} << 24 | u32{request[1]} << 16 | u32{request[2]} << 8 | request[3];
    }
    std::string text(u64 at, std::size_t size) const {
        return {memory.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                memory.bytes.begin() + static_cast<std::ptrdiff_t>(at + size)};
    }
    PortBus ports;
    Memory memory;
    FwCfg device{memory};
};

TEST_F(FwCfgTest, signature_numbers_and_absent_items) {
    device.add_number(FwCfg::cpu_count, 0x0201, 2);
    EXPECT_EQ(item(0, 6), (std::string{"QEMU\0\0", 6}));
    EXPECT_EQ(item(1, 4), (std::string{"\3\0\0\0", 4}));
    EXPECT_EQ(item(5, 2), "\1\2");
    EXPECT_EQ(item(0x1234, 2), (std::string{"\0\0", 2}));
    EXPECT_EQ(item(0x4005, 2), "\1\2") << "opened for writing";
    EXPECT_EQ(item(0x8005, 2), (std::string{"\0\0", 2})) << "another item: local to the architecture";
    EXPECT_EQ(ports.read(0x510, 2), 0u);
    EXPECT_EQ(ports.read(0x511, 1), 0u);
}

TEST_F(FwCfgTest, files_are_listed_in_the_directory) {
    constexpr std::array<u8, 3> content{'a', 'b', 'c'};
    device.add_file("etc/one", content);
    device.add_file(std::string(100, 'x'), content);
    std::string const directory = item(FwCfg::file_directory, 4 + 2 * 64);
    EXPECT_EQ(directory.substr(0, 12), (std::string{"\0\0\0\2\0\0\0\3\0\x20\0\0", 12}));
    EXPECT_EQ(directory.substr(12, 8), (std::string{"etc/one\0", 8}));
    EXPECT_EQ(directory.back(), '\0') << "names are cut and ended";
    EXPECT_EQ(item(FwCfg::first_file, 3), "abc");
}

constexpr u32 dma_error = 1, dma_read = 2, dma_skip = 4, dma_select = 8, dma_write = 16;

TEST_F(FwCfgTest, the_dma_register_reads_as_its_name) {
    std::string name;
    for (u16 i = 0; i < 8; ++i) name.push_back(static_cast<char>(ports.read(static_cast<u16>(0x514 + i), 1)));
    EXPECT_EQ(name, "QEMU CFG");
}

TEST_F(FwCfgTest, dma_selects_skips_and_reads_with_zeros_behind_the_end) {
    EXPECT_EQ(dma(dma_select | dma_read | 0u << 16, 4, 0x2000), 0u);
    EXPECT_EQ(text(0x2000, 4), "QEMU");
    EXPECT_EQ(dma(dma_select | dma_skip, 1, 0), 0u);
    EXPECT_EQ(dma(dma_read, 5, 0x2000), 0u);
    EXPECT_EQ(text(0x2000, 6), (std::string{"EMU\0\0\x55", 6}));
    EXPECT_EQ(dma(dma_select | dma_read | 0x7777'0000, 3, 0x3000), 0u) << "not there: all zeros";
    EXPECT_EQ(text(0x3000, 4), (std::string{"\0\0\0\x55", 4}));
}

TEST_F(FwCfgTest, dma_reports_what_cannot_be) {
    EXPECT_EQ(dma(dma_select | dma_read, 4, 0xffff'ffff'ffff'fffe), dma_error);
    EXPECT_EQ(dma(dma_select | dma_read, 0xffff'ffff, 0x2000), dma_error) << "more than there is memory";
    EXPECT_EQ(dma(dma_select | dma_write, 4, 0x2000), dma_error);
    EXPECT_EQ(dma(dma_select, 4, 0x2000), 0u);
    ports.write(0x514, 0xffff'ffff, 4);
    ports.write(0x518, 0xffff'ffff, 4); // the request itself is nowhere: no answer, no harm
    ports.write(0x51b, 0, 1);
}

} // namespace
} // namespace ring3
