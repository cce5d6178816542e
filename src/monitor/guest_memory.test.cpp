#include "monitor/guest_memory.h"

#include "base/pc_addresses.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct NoMmio final : MmioHandler {
    u64 mmio_read(GuestPhys, unsigned) override { return ~u64{}; }
    void mmio_write(GuestPhys address, u64, unsigned) override { last = address.raw; }
    u64 last{};
};

struct Watcher final : CodeWatcher {
    void code_page_written(GuestPhys page) override { pages.push_back(page.raw); }
    std::vector<u64> pages;
};

struct Observer final : MmuObserver {
    void all_flushed() override {}
    void non_global_flushed() override {}
    void page_flushed(Linear) override {}
    void code_marked(GuestPhys) override {}
    void memory_map_changed() override { ++changes; }
    int changes{};
};

struct NoRegisters final : MmioDevice {
    u64 read(u64, unsigned) override { return 0; }
    void write(u64, u64, unsigned) override {}
};

class GuestMemoryTest : public testing::Test {
protected:
    GuestMemoryTest() {
        memory.set_code_watcher(&watcher);
        mmu.set_observer(&observer);
    }
    std::vector<u8> ram = std::vector<u8>(2 << 20), bytes = std::vector<u8>(0x4000, 0x77);
    NoMmio mmio;
    Watcher watcher;
    Observer observer;
    GuestCpu cpu{};
    PhysicalMemory memory{mmio};
    Mmu mmu{cpu, memory};
    GuestMemoryMap map{mmu, ram};
    GuestDma dma{memory};
};

TEST_F(GuestMemoryTest, dma_tells_ram_from_everything_else) {
    std::array<u8, 16> buffer{};
    EXPECT_TRUE(dma.write({0x1000}, buffer));
    EXPECT_TRUE(dma.read({0x1ff8}, buffer)) << "over a page's border";
    EXPECT_FALSE(dma.read({pc::video_memory - 8}, buffer));
    EXPECT_EQ(buffer[15], 0xff);
    EXPECT_FALSE(dma.write({ram.size() - 8}, buffer));
    EXPECT_EQ(ram.back(), 0xff & buffer[7]) << "what is RAM was written";
    EXPECT_FALSE(dma.write({~u64{} - 7}, buffer)) << "does not wrap to address 0";
    EXPECT_EQ(ram[0], 0);
}

TEST_F(GuestMemoryTest, dma_drops_the_code_that_it_overwrites) {
    std::array<u8, 4> const buffer{};
    memory.mark_code({0x3000}, 16);
    memory.mark_code({0x5fff}, 1);
    dma.write({0x3100}, buffer);
    EXPECT_TRUE(watcher.pages.empty()) << "the code is elsewhere on the page";
    dma.write({0x300c}, buffer);
    EXPECT_EQ(watcher.pages, (std::vector<u64>{0x3000}));
    dma.note_written({0x4000}, 0x3000);
    EXPECT_EQ(watcher.pages, (std::vector<u64>{0x3000, 0x5000}));
    dma.note_written({~u64{} - 100}, 1000);
    dma.note_written({0x10'0000'0000}, ~u64{} >> 1);
}

TEST_F(GuestMemoryTest, devices_show_bytes_where_nothing_else_is) {
    MmioBus bus;
    NoRegisters registers;
    ASSERT_TRUE(bus.claim({{0xfec0'0000}, 0x1000}, registers));
    map.set_registers(bus);
    EXPECT_TRUE(map.map({0xfd00'0000}, bytes, MemoryMap::Kind::ram));
    EXPECT_EQ(memory.read({0xfd00'3000}, 1), 0x77u);
    EXPECT_FALSE(map.map({0xfd00'2000}, bytes, MemoryMap::Kind::ram)) << "over the first";
    EXPECT_FALSE(map.map({0x10'0000}, bytes, MemoryMap::Kind::ram)) << "over RAM";
    EXPECT_FALSE(map.map({0xfebf'e000}, bytes, MemoryMap::Kind::ram)) << "over registers";
    EXPECT_FALSE(map.map({0xffff'e000}, bytes, MemoryMap::Kind::ram)) << "over 4 GiB's border";
    EXPECT_FALSE(map.map({u64{1} << 40}, bytes, MemoryMap::Kind::ram)) << "beyond the processor's addresses";
    EXPECT_TRUE(map.map({0x10'0000'0000 >> 1}, bytes, MemoryMap::Kind::ram));
    map.unmap({0xfd00'0000}, bytes.size());
    EXPECT_EQ(memory.kind({0xfd00'0000}), PhysicalMemory::Kind::mmio);
    EXPECT_TRUE(map.map({0xfd00'2000}, bytes, MemoryMap::Kind::rom));
}

TEST_F(GuestMemoryTest, a_change_of_the_map_drops_code_and_is_told) {
    memory.mark_code({0xc'0000}, 4);
    int const before = observer.changes;
    map.map_over({0xc'0000}, bytes, MemoryMap::Kind::rom);
    EXPECT_EQ(watcher.pages, (std::vector<u64>{0xc'0000}));
    EXPECT_EQ(observer.changes, before + 1);
    memory.write({0xc'0010}, 1, 1);
    EXPECT_EQ(mmio.last, 0xc'0010u) << "writes to ROM are the board's";
    EXPECT_EQ(bytes[0x10], 0x77);
    mmu.set_a20(false);
    EXPECT_EQ(observer.changes, before + 2);
}

} // namespace
} // namespace ring3
