// A guest that does anything: random accesses to every port and register of the board, seeded, with time going on.
#include "monitor/devices/board/pc.h"
#include "monitor/devices/test_disk.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

namespace ring3 {
namespace {

struct Sink final : CharSink {
    std::mt19937_64* random{};
    u64 characters{};
    bool ready() override { return ((*random)() & 7) != 0; }
    void write(u8) override { ++characters; }
};

struct Power final : PowerSwitch {
    u64 events{};
    void power_off() override { ++events; }
    void reset() override { ++events; }
    void debug_exit(u32) override { ++events; }
    void set_exit_status(u8) override { ++events; }
    void input_wanted() override { ++events; }
};

PcConfig everything() {
    PcConfig config;
    config.ram_below_4g = u64{3} << 30;
    config.ram_above_4g = u64{5} << 30;
    config.rtc_epoch = 1'700'000'000;
    config.serial.fill(true);
    config.parallel = config.run_control = true;
    config.debug_console = 0xe9;
    config.debug_exit = PortRange{0xf4, 4};
    config.isa_test_device = config.pci_test_device = true;
    config.drives = {{DriveKind::ide_disk, 0, 4000 * 512, false, "", ""},
                     {DriveKind::ide_cdrom, 2, 400 * 2048, true, "", ""},
                     {DriveKind::floppy, 0, 1'474'560, false, "", ""}};
    return config;
}

/// Saves every value that visit() names, in order.
struct Saver {
    std::multimap<std::string, std::string>* out;
    void operator()(std::string_view name, auto& value) const {
        std::string bytes(sizeof value, '\0');
        std::memcpy(bytes.data(), &value, sizeof value);
        out->emplace(std::string{name}, bytes);
    }
};

/// Loads them in the same order.
struct Loader {
    std::multimap<std::string, std::string>* from;
    void operator()(std::string_view name, auto& value) const {
        auto const found = from->find(std::string{name});
        ASSERT_NE(found, from->end()) << name;
        ASSERT_EQ(found->second.size(), sizeof value);
        std::memcpy(&value, found->second.data(), sizeof value);
        from->erase(found);
    }
};

class PcFuzz : public testing::Test {
protected:
    PcFuzz() {
        sink.random = &random;
        outside.serial.fill(&sink);
        outside.parallel = outside.debug_console = &sink;
        outside.disks = {&disk, &disc, &floppy};
        outside.dma = &memory;
        board = std::make_unique<Pc>(everything(), clock, outside, power, a20);
    }
    u16 port() {
        static constexpr u16 interesting[] = {0x20,  0x21,  0xa0,  0xa1,  0x4d0, 0x4d1, 0x40,  0x41,  0x42,  0x43,
                                              0x61,  0x60,  0x64,  0x70,  0x71,  0x92,  0xb2,  0x600, 0x604, 0x3f8,
                                              0x2f8, 0x378, 0xcf8, 0xcfc, 0x510, 0x511, 0x3c0, 0x3d4, 0x3d5, 0x3da,
                                              0xf0,  0x4f0, 0x80,  0x1f0, 0x1f0, 0x170, 0x170, 0x3f0, 0x3f6, 0x00,
                                              0x08,  0xc0,  0x480, 0x1ce, 0x1cf, 0x514, 0x518};
        if (random() & 3) return static_cast<u16>(interesting[random() % std::size(interesting)] + random() % 8);
        return static_cast<u16>(random());
    }
    GuestPhys address() {
        static constexpr u64 interesting[] = {pc::local_apic, pc::io_apic, pc::io_apic + 0x10, 0xa'0000, 0xb'8000};
        return {interesting[random() % std::size(interesting)] + (random() & 0x3ff) * (random() & 1 ? 16 : 1)};
    }
    u64 value() { return random() & 1 ? random() : random() & 0xff; }
    void step() {
        unsigned const bytes = 1u << random() % 3;
        switch (random() % 12) {
        case 0:
        case 1:
        case 2: board->ports().write(port(), static_cast<u32>(value()), bytes); break;
        case 3:
        case 4: board->ports().read(port(), bytes); break;
        case 5:
        case 6: board->mmio().write(address(), value(), 2 * bytes); break;
        case 7: board->mmio().read(address(), 2 * bytes); break;
        case 8:
            if (board->interrupt_pending()) board->acknowledge_interrupt();
            break;
        case 9: outside_world(); break;
        case 10: board->msr_write(0x1b, 0xfee0'0000 | (random() & 3 ? 0x900 : random() & 0xf'ffff)); break;
        default:
            clock.advance(random() % 1024 ? random() % 1'000'000 : random() % 100'000'000'000);
            board->timers().run_expired();
            break;
        }
    }
    void outside_world() {
        switch (random() % 7) {
        case 6:
            for (TestDisk* const medium : {&disk, &disc, &floppy}) medium->serve();
            break;
        case 0: board->serial(random() & 3).receive(static_cast<u8>(random())); break;
        case 1: board->keyboard().press({static_cast<u8>(random() & 0x7f), (random() & 1) != 0}); break;
        case 2: board->keyboard().move_mouse(static_cast<int>(random() % 999), -7, static_cast<u8>(random())); break;
        case 3: board->press_power_button(); break;
        case 4:
            board->set_pci_interrupt(static_cast<unsigned>(random() % 32), random() & 3, (random() & 1) != 0);
            break;
        default: board->set_ferr((random() & 1) != 0); break;
        }
    }
    std::mt19937_64 random{20240229};
    ManualClock clock;
    Sink sink;
    Power power;
    TestMemory memory{1 << 20};
    TestDisk disk{memory, 4000 * 512}, disc{memory, 400 * 2048}, floppy{memory, 1'474'560};
    PcOutside outside;
    OpenLine a20;
    std::unique_ptr<Pc> board;
};

TEST_F(PcFuzz, a_million_random_accesses_are_answered) {
    for (int i = 0; i < 1'000'000; ++i) {
        step();
        if (i % 100'000 == 0) board->reset();
    }
    clock.advance(1);
    board->timers().run_expired();
    EXPECT_GT(board->timers().next_deadline(), clock.now());
}

TEST_F(PcFuzz, a_board_can_be_saved_and_loaded) {
    for (int i = 0; i < 20'000; ++i) step();
    std::multimap<std::string, std::string> saved, again;
    board->visit(Saver{&saved});
    Pc copy{everything(), clock, outside, power, a20};
    auto to_load = saved;
    copy.visit(Loader{&to_load});
    EXPECT_TRUE(to_load.empty());
    copy.visit(Saver{&again});
    ASSERT_EQ(saved.size(), again.size());
    for (auto a = saved.begin(), b = again.begin(); a != saved.end(); ++a, ++b)
        EXPECT_EQ(a->second, b->second) << a->first;
    EXPECT_EQ(copy.interrupt_pending(), board->interrupt_pending());
    EXPECT_EQ(copy.timers().next_deadline(), board->timers().next_deadline());
}

} // namespace
} // namespace ring3
