#include "monitor/mmu/mmu.h"
#include "monitor/mmu/paging.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct RecordingMmio : MmioHandler {
    u64 mmio_read(GuestPhys address, unsigned bytes) override {
        last = address;
        width = bytes;
        return 0x1122'3344'5566'7788;
    }
    void mmio_write(GuestPhys address, u64 value, unsigned bytes) override {
        last = address;
        width = bytes;
        written = value;
    }
    GuestPhys last{};
    unsigned width{};
    u64 written{};
};

struct RecordingWatcher : CodeWatcher {
    void code_page_written(GuestPhys page) override { pages.push_back(page.raw); }
    std::vector<u64> pages;
};

/// 4 MiB of RAM; the page directory (32-bit paging) at 1000H, one table at 2000H for linear 0 .. 4 MiB.
class MmuTest : public testing::Test {
protected:
    MmuTest() : ram(4 << 20) { memory.map({0}, ram, PhysicalMemory::Kind::ram); }

    void enable_paging() {
        cpu.cr3 = {{0x1000}};
        cpu.cr0 = Cr0::from_guest(Cr0::PE::mask | Cr0::PG::mask | Cr0::WP::mask);
        poke32(0x1000, 0x2000 | 7);
        mmu.flush_all();
    }
    void poke32(u64 at, u32 value) { std::memcpy(&ram[at], &value, 4); }
    u32 peek32(u64 at) const {
        u32 value;
        std::memcpy(&value, &ram[at], 4);
        return value;
    }
    void map_page(u32 linear, u32 entry) { poke32(0x2000 + (linear >> 12) * 4, entry); }

    u16 read_error(u32 linear, Privilege privilege) {
        u32 value;
        Outcome const outcome = mmu.read(Linear{linear}, privilege, value);
        EXPECT_TRUE(outcome.is_fault());
        EXPECT_EQ(mmu.fault_address(), Linear{linear});
        return outcome.error();
    }
    u16 write_error(u32 linear, Privilege privilege) {
        Outcome const outcome = mmu.write(Linear{linear}, privilege, u32{1});
        EXPECT_TRUE(outcome.is_fault());
        return outcome.error();
    }

    std::vector<u8> ram;
    RecordingMmio mmio;
    PhysicalMemory memory{mmio};
    GuestCpu cpu{};
    Mmu mmu{cpu, memory};
};

constexpr u32 present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40, large = 0x80, global = 0x100;

TEST_F(MmuTest, without_paging_linear_is_physical) {
    poke32(0x5000, 0xcafe'f00d);
    u32 value{};
    EXPECT_TRUE(mmu.read(Linear{0x5000}, Privilege::user, value).is_next());
    EXPECT_EQ(value, 0xcafe'f00du);
}

TEST_F(MmuTest, a_read_sets_accessed_and_a_write_sets_dirty) {
    enable_paging();
    map_page(0x3000, 0x5000 | present | writable);
    u32 value{};
    ASSERT_TRUE(mmu.read(Linear{0x3000}, Privilege::supervisor, value).is_next());
    EXPECT_EQ(peek32(0x200c), 0x5000 | present | writable | accessed);
    EXPECT_EQ(peek32(0x1000), 0x2000u | 7 | accessed);
    ASSERT_TRUE(mmu.write(Linear{0x3004}, Privilege::supervisor, u32{7}).is_next());
    EXPECT_EQ(peek32(0x200c), 0x5000 | present | writable | accessed | dirty);
    EXPECT_EQ(peek32(0x5004), 7u);
}

TEST_F(MmuTest, error_codes_are_those_of_sdm_3a_4_7) {
    enable_paging();
    map_page(0x3000, 0);
    map_page(0x4000, 0x5000 | present);
    map_page(0x5000, 0x5000 | present | writable);
    EXPECT_EQ(read_error(0x3000, Privilege::supervisor), 0);
    EXPECT_EQ(read_error(0x3000, Privilege::user), 4);
    EXPECT_EQ(write_error(0x3000, Privilege::user), 6);
    EXPECT_EQ(write_error(0x4000, Privilege::supervisor), 3) << "CR0.WP";
    EXPECT_EQ(read_error(0x5000, Privilege::user), 5);
    EXPECT_EQ(write_error(0x5000, Privilege::user), 7);
}

TEST_F(MmuTest, without_wp_the_supervisor_writes_read_only_pages) {
    enable_paging();
    cpu.cr0 = cpu.cr0.with<Cr0::WP>(0);
    map_page(0x4000, 0x5000 | present);
    EXPECT_TRUE(mmu.write(Linear{0x4000}, Privilege::supervisor, u32{1}).is_next());
    map_page(0x5000, 0x6000 | present | user);
    EXPECT_TRUE(mmu.write_bytes(Linear{0x5000}, Privilege::user, "x", 1).is_fault());
}

TEST_F(MmuTest, translations_stay_until_they_are_invalidated) {
    enable_paging();
    map_page(0x3000, 0x5000 | present | writable);
    map_page(0x4000, 0x5000 | present | writable | global);
    u32 value{};
    cpu.cr4 = cpu.cr4.with<Cr4::PGE>(1);
    ASSERT_TRUE(mmu.read(Linear{0x3000}, Privilege::supervisor, value).is_next());
    ASSERT_TRUE(mmu.read(Linear{0x4000}, Privilege::supervisor, value).is_next());
    map_page(0x3000, 0);
    map_page(0x4000, 0);
    EXPECT_TRUE(mmu.read(Linear{0x3000}, Privilege::supervisor, value).is_next()) << "stale is allowed";
    mmu.flush_non_global();
    EXPECT_TRUE(mmu.read(Linear{0x3000}, Privilege::supervisor, value).is_fault());
    EXPECT_TRUE(mmu.read(Linear{0x4000}, Privilege::supervisor, value).is_next()) << "global pages stay";
    mmu.flush_page({0x4000});
    EXPECT_TRUE(mmu.read(Linear{0x4000}, Privilege::supervisor, value).is_fault());
}

TEST_F(MmuTest, invlpg_forgets_every_piece_of_a_large_page) {
    enable_paging();
    cpu.cr4 = cpu.cr4.with<Cr4::PSE>(1);
    poke32(0x1000, 0 | present | writable | large);
    u32 value{};
    ASSERT_TRUE(mmu.read(Linear{0x10000}, Privilege::supervisor, value).is_next());
    poke32(0x1000, 0);
    mmu.flush_page({0x20000});
    EXPECT_TRUE(mmu.read(Linear{0x10000}, Privilege::supervisor, value).is_fault());
}

TEST_F(MmuTest, a_write_over_a_page_border_writes_nothing_if_the_second_page_faults) {
    enable_paging();
    map_page(0x3000, 0x5000 | present | writable);
    map_page(0x4000, 0x6000 | present);
    poke32(0x5ffc, 0);
    EXPECT_TRUE(mmu.write(Linear{0x3ffe}, Privilege::supervisor, 0xffff'ffffu).is_fault());
    EXPECT_EQ(mmu.fault_address(), Linear{0x4000});
    EXPECT_EQ(peek32(0x5ffc), 0u);
    map_page(0x4000, 0x6000 | present | writable);
    EXPECT_TRUE(mmu.write(Linear{0x3ffe}, Privilege::supervisor, 0x4433'2211u).is_next());
    EXPECT_EQ(peek32(0x5ffc), 0x2211'0000u);
    EXPECT_EQ(peek32(0x6000), 0x4433u);
}

TEST_F(MmuTest, pae_reports_reserved_bits_and_execute_disable) {
    cpu.cr4 = cpu.cr4.with<Cr4::PAE>(1);
    cpu.cr3 = {{0x1000}};
    cpu.cr0 = Cr0::from_guest(Cr0::PE::mask | Cr0::PG::mask);
    auto const poke64 = [&](u64 at, u64 value) { std::memcpy(&ram[at], &value, 8); };
    poke64(0x1000, 0x2000 | present);
    poke64(0x2000, 0x3000 | present | writable | user);
    poke64(0x3000 + 8 * 4, 0x8000'0000'0000'5000 | present);
    poke64(0x3000 + 8 * 5, 0x0010'0000'0000'5000 | present);
    ASSERT_TRUE(mmu.load_pdptes(cpu.cr3).is_next());
    EXPECT_EQ(read_error(0x4000, Privilege::supervisor), 9) << "XD is reserved while EFER.NXE is 0";
    EXPECT_EQ(read_error(0x5000, Privilege::supervisor), 9) << "an address beyond MAXPHYADDR";
    cpu.efer = cpu.efer.with<Efer::NXE>(1);
    u32 value{};
    EXPECT_TRUE(mmu.read(Linear{0x4000}, Privilege::supervisor, value).is_next());
    GuestPhys where;
    Outcome const outcome = mmu.fetch({0x4000}, Privilege::supervisor, where);
    EXPECT_EQ(outcome.error(), 0x11) << "P, I/D";
}

TEST_F(MmuTest, pae_pointers_with_reserved_bits_are_a_general_protection_fault) {
    u64 const bad = 0x2000 | present | writable;
    std::memcpy(&ram[0x1008], &bad, 8);
    EXPECT_EQ(mmu.load_pdptes({{0x1000}}), Outcome::fault(Vector::gp, 0));
    EXPECT_EQ(cpu.pdpte[1], 0u) << "nothing is loaded";
}

TEST_F(MmuTest, smap_and_smep_guard_user_pages_from_the_supervisor) {
    enable_paging();
    map_page(0x3000, 0x5000 | present | writable | user);
    cpu.cr4 = cpu.cr4.with<Cr4::SMAP>(1).with<Cr4::SMEP>(1);
    EXPECT_EQ(read_error(0x3000, Privilege::supervisor), 1);
    cpu.eflags = cpu.eflags.with<Eflags::AC>(1);
    u32 value{};
    EXPECT_TRUE(mmu.read(Linear{0x3000}, Privilege::supervisor, value).is_next());
    cpu.eflags = cpu.eflags.with<Eflags::AC>(0);
    EXPECT_EQ(read_error(0x3000, Privilege::supervisor), 1) << "not excused by a cached translation";
    GuestPhys where;
    EXPECT_EQ(mmu.fetch({0x3000}, Privilege::supervisor, where).error(), 0x11);
}

TEST_F(MmuTest, a20_off_folds_the_second_mebibyte_onto_the_first) {
    poke32(0x500, 0x1234);
    mmu.set_a20(false);
    u32 value{};
    ASSERT_TRUE(mmu.read(Linear{0x10'0500}, Privilege::supervisor, value).is_next());
    EXPECT_EQ(value, 0x1234u);
}

TEST_F(MmuTest, device_accesses_keep_their_width) {
    u16 value{};
    ASSERT_TRUE(mmu.read(Linear{0xfee0'0020}, Privilege::supervisor, value).is_next());
    EXPECT_EQ(value, 0x7788);
    EXPECT_EQ(mmio.width, 2u);
    EXPECT_TRUE(mmu.attention);
    ASSERT_TRUE(mmu.write(Linear{0xfee0'00b0}, Privilege::supervisor, u32{5}).is_next());
    EXPECT_EQ(mmio.written, 5u);
    EXPECT_EQ(mmio.width, 4u);
}

TEST_F(MmuTest, writing_over_code_tells_the_watcher_and_writing_beside_it_does_not) {
    RecordingWatcher watcher;
    memory.set_code_watcher(&watcher);
    ASSERT_TRUE(mmu.write(Linear{0x5000}, Privilege::supervisor, u32{1}).is_next());
    memory.mark_code({0x5100}, 16);
    mmu.flush_writes_to({0x5000});
    ASSERT_TRUE(mmu.write(Linear{0x5080}, Privilege::supervisor, u32{1}).is_next());
    EXPECT_TRUE(watcher.pages.empty());
    ASSERT_TRUE(mmu.write(Linear{0x510e}, Privilege::supervisor, u32{1}).is_next());
    EXPECT_EQ(watcher.pages, std::vector<u64>{0x5000});
    EXPECT_TRUE(mmu.attention);
}

TEST_F(MmuTest, data_breakpoints_note_what_they_watch) {
    cpu.dr[1] = 0x5004;
    cpu.dr7 = Dr7::from_guest(0x4 | 0x00d0'0000); // L1, write, four bytes
    mmu.update_breakpoints();
    u32 value{};
    ASSERT_TRUE(mmu.read(Linear{0x5004}, Privilege::supervisor, value).is_next());
    EXPECT_EQ(cpu.pending_debug, 0u);
    ASSERT_TRUE(mmu.write(Linear{0x5007}, Privilege::supervisor, u8{1}).is_next());
    EXPECT_EQ(cpu.pending_debug, 2u);
}

TEST_F(MmuTest, breakpoints_that_watch_the_same_pages_as_before_flush_nothing) {
    mmu.update_breakpoints();
    u64 const flushes = mmu.counters().flushes;
    cpu.dr[0] = 0x5004;
    mmu.update_breakpoints(); // an address alone watches nothing
    cpu.dr7 = Dr7::from_guest(0x2);
    mmu.update_breakpoints(); // nor does a breakpoint of instructions
    EXPECT_EQ(mmu.counters().flushes, flushes);
    cpu.dr7 = Dr7::from_guest(0x2 | 0x000d'0000); // G0, write, four bytes
    mmu.update_breakpoints();
    EXPECT_EQ(mmu.counters().flushes, flushes + 1);
    cpu.dr[0] = 0x5008;
    mmu.update_breakpoints(); // the same page
    EXPECT_EQ(mmu.counters().flushes, flushes + 1);
    ASSERT_TRUE(mmu.write(Linear{0x5008}, Privilege::supervisor, u8{1}).is_next());
    EXPECT_EQ(cpu.pending_debug, 1u);
    cpu.dr[0] = 0x6008;
    mmu.update_breakpoints();
    EXPECT_EQ(mmu.counters().flushes, flushes + 2);
    cpu.dr7 = Dr7::from_guest(0);
    mmu.update_breakpoints();
    EXPECT_EQ(mmu.counters().flushes, flushes + 3);
}

TEST_F(MmuTest, alignment_is_checked_when_asked) {
    mmu.set_alignment_checks(true);
    u32 value{};
    ASSERT_TRUE(mmu.read(Linear{0x5000}, Privilege::user, value).is_next());
    EXPECT_EQ(mmu.read(Linear{0x5002}, Privilege::user, value), Outcome::fault(Vector::ac, 0));
    EXPECT_TRUE(mmu.read(Linear{0x5002}, Privilege::supervisor, value).is_next());
}

TEST(PhysicalMemory, rom_swallows_writes_and_nothing_reads_as_ones) {
    RecordingMmio mmio;
    PhysicalMemory memory{mmio};
    std::vector<u8> rom(page_size, 0x5a);
    memory.map({0xf0000}, rom, PhysicalMemory::Kind::rom);
    memory.write({0xf0010}, 0, 4);
    EXPECT_EQ(memory.read({0xf0010}, 4), 0x5a5a'5a5au);
    u8 bytes[4]{};
    memory.read_bytes({0xf0ffe}, bytes);
    EXPECT_EQ(bytes[1], 0x5a);
    EXPECT_EQ(bytes[2], 0xff);
}

} // namespace
} // namespace ring3
