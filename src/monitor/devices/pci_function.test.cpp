#include "monitor/devices/pci_function.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/pci_bus.h"

#include <gtest/gtest.h>

#include <random>

namespace ring3 {
namespace {

struct Ports final : PortDevice {
    u8 last{};
    u8 read(u16 offset) override { return static_cast<u8>(0x40 + offset); }
    void write(u16, u8 value) override { last = value; }
};

struct Registers final : MmioDevice {
    u64 last{};
    u64 read(u64 offset, unsigned) override { return 0x100 + offset; }
    void write(u64, u64 value, unsigned) override { last = value; }
};

struct Pins final : PciInterrupts {
    unsigned slot{}, function{}, pin{};
    bool level{};
    void set_intx(unsigned s, unsigned f, unsigned p, bool asserted) override {
        slot = s, function = f, pin = p, level = asserted;
    }
};

/// Refuses a second mapping at a place, and remembers the first.
struct Map final : MemoryMap {
    struct Mapping {
        u64 start;
        std::span<u8> bytes;
        Kind kind;
    };
    std::vector<Mapping> mappings;
    bool map(GuestPhys start, std::span<u8> bytes, Kind kind) override {
        for (Mapping const& m : mappings)
            if (start.raw < m.start + m.bytes.size() && m.start < start.raw + bytes.size()) return false;
        mappings.push_back({start.raw, bytes, kind});
        return true;
    }
    void map_over(GuestPhys, std::span<u8>, Kind) override {}
    void unmap(GuestPhys start, u64) override {
        std::erase_if(mappings, [&](Mapping const& m) { return m.start == start.raw; });
    }
};

class Card final : public PciFunction {
public:
    Card() : PciFunction{{.vendor = 0x1234, .device = 0x5678, .class_code = 0x02'0000}} {
        define_port_bar(0, 0x20, ports);
        define_memory_bar(1, 0x1000, registers);
        define_memory_bar(2, frame);
        define_memory_bar(4, 0x4000, far, Width::bits64, Prefetch::yes);
        define_rom(image);
        define_interrupt_pin(1);
    }
    using PciFunction::add_capability, PciFunction::bus_master, PciFunction::define, PciFunction::set_intx,
        PciFunction::window_base;
    Ports ports;
    Registers registers, far;
    std::vector<u8> frame = std::vector<u8>(0x10000), image = std::vector<u8>(0x2000);
};

class PciFunctionTest : public testing::Test {
protected:
    PciFunctionTest() {
        EXPECT_TRUE(bus.plug(3, 0, card));
        EXPECT_TRUE(bus.plug(4, 0, other));
    }
    void set(Card& which, u8 offset, u32 value, unsigned bytes = 4) {
        bus.write_wide(0, 0x8000'0000 | (&which == &card ? 3u : 4u) << 11 | (offset & 0xfcu), 4);
        bus.write_wide(static_cast<u16>(4 + offset % 4), value, bytes);
    }
    u32 get(Card const& which, u8 offset, unsigned bytes = 4) const { return which.read_config(offset, bytes); }
    OpenLine reset;
    PortBus ports;
    MmioBus mmio;
    Map map;
    Pins pins;
    PciBus bus{reset, PciSpaces{ports, mmio, map}, pins};
    Card card, other;
};

TEST_F(PciFunctionTest, sizes_are_found_by_writing_ones) {
    for (int const offset : {0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30}) set(card, static_cast<u8>(offset), 0xffff'ffff);
    EXPECT_EQ(get(card, 0x10), 0xffff'ffe1u);
    EXPECT_EQ(get(card, 0x14), 0xffff'f000u);
    EXPECT_EQ(get(card, 0x18), 0xffff'0008u);
    EXPECT_EQ(get(card, 0x1c), 0u) << "not there";
    EXPECT_EQ(get(card, 0x20), 0xffff'c00cu);
    EXPECT_EQ(get(card, 0x24), 0xffff'ffffu);
    EXPECT_EQ(get(card, 0x30), 0xffff'e001u);
}

TEST_F(PciFunctionTest, a_port_window_answers_while_its_command_bit_is_set) {
    set(card, 0x10, 0xc000);
    EXPECT_EQ(ports.read(0xc003, 1), 0xffu);
    set(card, 0x04, 1, 2);
    EXPECT_EQ(ports.read(0xc003, 1), 0x43u);
    set(card, 0x10, 0xd000);
    EXPECT_EQ(ports.read(0xc003, 1), 0xffu);
    EXPECT_EQ(ports.read(0xd01f, 1), 0x5fu);
    set(card, 0x04, 0, 2);
    EXPECT_EQ(ports.read(0xd003, 1), 0xffu);
}

TEST_F(PciFunctionTest, memory_windows_move_also_above_4_gib) {
    set(card, 0x04, 2, 2);
    set(card, 0x14, 0xfebf'0000);
    EXPECT_EQ(mmio.read({0xfebf'0010}, 4), 0x110u);
    set(card, 0x20, 0x8000'0000);
    set(card, 0x24, 0x0000'0002);
    EXPECT_EQ(mmio.read({0x2'8000'0020}, 4), 0x120u);
    EXPECT_EQ(card.window_base(4), 0x2'8000'0000u);
}

TEST_F(PciFunctionTest, bytes_and_roms_go_to_the_memory_map) {
    set(card, 0x04, 2, 2);
    set(card, 0x18, 0xfd00'0000);
    ASSERT_EQ(map.mappings.size(), 1u);
    EXPECT_EQ(map.mappings[0].start, 0xfd00'0000u);
    EXPECT_EQ(map.mappings[0].kind, MemoryMap::Kind::ram);
    set(card, 0x30, 0xfeb0'0000);
    EXPECT_EQ(map.mappings.size(), 1u) << "not enabled";
    set(card, 0x30, 0xfeb0'0001);
    ASSERT_EQ(map.mappings.size(), 2u);
    EXPECT_EQ(map.mappings[1].kind, MemoryMap::Kind::rom);
    card.reset();
    EXPECT_TRUE(map.mappings.empty());
    EXPECT_EQ(get(card, 0x18), 8u);
}

TEST_F(PciFunctionTest, of_two_windows_at_one_place_the_later_one_waits) {
    for (Card* which : {&card, &other}) {
        set(*which, 0x04, 3, 2);
        set(*which, 0x10, 0xc000);
        set(*which, 0x18, 0xfd00'0000);
    }
    EXPECT_TRUE(card.window_base(0) && card.window_base(2));
    EXPECT_FALSE(other.window_base(0) || other.window_base(2));
    set(card, 0x10, 0xc100);
    EXPECT_EQ(other.window_base(0), 0xc000u);
    set(card, 0x04, 0, 2);
    EXPECT_EQ(other.window_base(2), 0xfd00'0000u);
}

TEST_F(PciFunctionTest, ports_above_64_kib_do_not_answer) {
    set(card, 0x04, 1, 2);
    set(card, 0x10, 0x1'c000);
    EXPECT_FALSE(card.window_base(0));
    set(card, 0x10, 0xffe0);
    EXPECT_EQ(card.window_base(0), 0xffe0u);
}

TEST_F(PciFunctionTest, the_interrupt_pin_has_a_disable_bit) {
    card.set_intx(true);
    EXPECT_TRUE(pins.level);
    EXPECT_EQ(pins.slot, 3u);
    EXPECT_EQ(get(card, 0x06, 2) & 8, 8u);
    set(card, 0x04, 0x400, 2);
    EXPECT_FALSE(pins.level);
    EXPECT_EQ(get(card, 0x06, 2) & 8, 8u) << "the status shows the request all the same";
    set(card, 0x04, 0, 2);
    EXPECT_TRUE(pins.level);
    card.reset();
    EXPECT_FALSE(pins.level);
}

TEST_F(PciFunctionTest, capabilities_form_a_list) {
    EXPECT_EQ(get(card, 0x06, 2) & 0x10, 0u);
    u8 const first = card.add_capability(0x09, 16), second = card.add_capability(0x05, 14);
    EXPECT_EQ(get(card, 0x34, 1), second);
    EXPECT_EQ(get(card, second, 2), 0x05u | u32{first} << 8);
    EXPECT_EQ(get(card, first, 2), 0x09u);
    EXPECT_EQ(get(card, 0x06, 2) & 0x10, 0x10u);
}

TEST_F(PciFunctionTest, any_configuration_writes_are_survived) {
    std::mt19937 random{7};
    static constexpr u32 places[] = {0, ~0u, 0xc000, 0xfd00'0000, 0xffff'ffff, 0x1'0000};
    for (int i = 0; i < 20'000; ++i) {
        auto const value =
            static_cast<u32>(random() & 1 ? random() : places[random() % std::size(places)] | (random() & 0xf));
        set(random() & 1 ? card : other, static_cast<u8>(random()), value, 1u << random() % 2);
        set(random() & 1 ? card : other, static_cast<u8>(0x10 + 4 * (random() % 9)), value, 4);
        ports.read(static_cast<u16>(random()), 4);
        mmio.write({random()}, random(), 8);
    }
    for (Card* which : {&card, &other}) which->reset();
    EXPECT_TRUE(map.mappings.empty());
    EXPECT_FALSE(mmio.is_claimed({{0}, u64{1} << 62}));
}

} // namespace
} // namespace ring3
