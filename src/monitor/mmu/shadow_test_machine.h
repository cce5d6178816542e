// A guest for tests of the shadow: RAM in a memfd, page tables that the test writes, and looks through a window that do
// not fault.
#pragma once

#include "host/shared_memory.h"
#include "monitor/mmu/shadow_spaces.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace ring3 {

struct NoDevices : MmioHandler {
    u64 mmio_read(GuestPhys, unsigned) override { return ~u64{0}; }
    void mmio_write(GuestPhys, u64, unsigned) override {}
};

/// 64 MiB of RAM; each page begins with its own number.
class ShadowMachine : public testing::Test {
protected:
    static constexpr u32 present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40, large = 0x80,
                         global = 0x100;
    static constexpr u32 used = present | accessed, data = used | writable | dirty;
    static constexpr u32 directory = 0x1000, table = 0x2000, other_directory = 0x3000, other_table = 0x4000;
    static constexpr u32 ram_size = 64 << 20;
    static constexpr u32 nothing = ~u32{0};

    ShadowMachine() {
        EXPECT_EQ(::pipe(pipe_), 0);
        memory.map({0}, ram.bytes(), PhysicalMemory::Kind::ram);
        for (u32 page = 0; page < ram_size / page_size; ++page) poke32(page * u32{page_size}, page);
        for (u32 tables = directory; tables <= other_table; tables += u32{page_size}) poke32(tables, 0);
    }
    ~ShadowMachine() override {
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }

    void start(ShadowOptions options = {.promote_after = 0}) {
        shadow = std::make_unique<ShadowSpaces>(cpu, mmu, ram.fd(), ram.bytes(), options);
    }
    /// 32-bit paging with one table for linear 0 .. 4 MiB in each of two directories.
    void start_paging(u32 cr4 = 0, ShadowOptions options = {.promote_after = 0}) {
        cpu.cr3 = {{directory}};
        cpu.cr0 = Cr0::from_guest(Cr0::PE::mask | Cr0::PG::mask | Cr0::WP::mask);
        cpu.cr4 = {{cr4}};
        poke32(directory, table | 7 | accessed);
        poke32(other_directory, other_table | 7 | accessed);
        start(options);
        enter(Privilege::user);
        enter(Privilege::supervisor);
    }
    void poke32(u32 at, u32 value) { std::memcpy(&ram.bytes()[at], &value, 4); }
    void poke64(u32 at, u64 value) { std::memcpy(&ram.bytes()[at], &value, 8); }
    u32 peek32(u32 at) const {
        u32 value;
        std::memcpy(&value, &ram.bytes()[at], 4);
        return value;
    }
    void map_page(u32 linear, u32 entry, u32 in_table = table) { poke32(in_table + (linear >> 12) * 4, entry); }
    u32 entry_of(u32 linear, u32 in_table = table) const { return peek32(in_table + (linear >> 12) * 4); }

    void write_cr3(u32 value) {
        cpu.cr3 = {{value}};
        mmu.flush_non_global();
        shadow->cr3_written();
    }
    void enter(Privilege privilege) { EXPECT_NE(shadow->base(privilege), 0u); }

    /// What the first word of a page reads as through the window; `nothing` if it is inaccessible.
    u32 look(u32 linear, Privilege privilege) {
        u32 value{};
        if (::write(pipe_[1], at(linear, privilege), 4) != 4) return nothing;
        EXPECT_EQ(::read(pipe_[0], &value, 4), 4);
        return value;
    }
    /// Writes there what is there already.
    bool can_write(u32 linear, Privilege privilege) {
        u32 const value = look(linear, privilege);
        if (value == nothing) return false;
        EXPECT_EQ(::write(pipe_[1], &value, 4), 4);
        if (::read(pipe_[0], at(linear, privilege), 4) == 4) return true;
        u32 rest;
        EXPECT_EQ(::read(pipe_[0], &rest, 4), 4);
        return false;
    }
    ShadowSpaces::Fix read(u32 linear, Privilege privilege) {
        return shadow->resolve({linear}, Access::read, privilege);
    }
    ShadowSpaces::Fix write(u32 linear, Privilege privilege) {
        return shadow->resolve({linear}, Access::write, privilege);
    }

    host::GuestRam ram{*host::GuestRam::create("shadow-test", ram_size)};
    NoDevices devices;
    PhysicalMemory memory{devices};
    GuestCpu cpu{};
    Mmu mmu{cpu, memory};
    std::unique_ptr<ShadowSpaces> shadow;

private:
    void* at(u32 linear, Privilege privilege) const { return std::bit_cast<void*>(shadow->base(privilege) + linear); }

    int pipe_[2]{};
};

using Fix = ShadowSpaces::Fix;
inline constexpr Privilege by_user = Privilege::user, by_kernel = Privilege::supervisor;

} // namespace ring3
