#include "monitor/devices/rtl8139.h"

#include "monitor/devices/e1000_test_rig.h"

#include <random>

namespace ring3::e1000_test {
namespace {

constexpr u16 base = 0xc000, TSD = 0x10, TSAD = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, CBR = 0x3a, IMR = 0x3c,
              ISR_ = 0x3e, TCR = 0x40, RCR_ = 0x44, CR9346 = 0x50, MSR = 0x58, BMSR = 0x64;
constexpr u32 OWN = 1u << 13, TXOK = 1u << 15, ring = 0x8000;

struct Rtl8139Test : testing::Test {
    Rtl8139Test() {
        EXPECT_TRUE(bus.plug(3, 0, card));
        card.write_config(0x10, base, 4);
        card.write_config(0x14, 0xf000'0000, 4);
        card.write_config(0x04, 0x7, 2);
        card.map_windows();
    }
    u32 read(u16 offset, unsigned bytes) { return ports.read(static_cast<u16>(base + offset), bytes); }
    void write(u16 offset, u32 value, unsigned bytes) { ports.write(static_cast<u16>(base + offset), value, bytes); }
    void start(u32 filter = 0x0a) { // own address and broadcasts, 8 KiB
        write(CR, 0x0c, 1);
        write(RBSTART, ring, 4);
        write(RCR_, filter, 4);
    }
    static std::vector<u8> frame_to(MacBytes const& to, std::size_t bytes = 60) {
        std::vector<u8> frame(bytes, 0x44);
        std::copy(to.begin(), to.end(), frame.begin());
        return frame;
    }
    FakeMemory memory;
    FakePort port;
    Pin pin;
    OpenLine reset_line;
    PortBus ports;
    MmioBus mmio;
    NoMemoryMap memory_map;
    PciSpaces spaces{ports, mmio, memory_map};
    PciBus bus{reset_line, spaces, pin};
    Rtl8139 card{memory, port, mac, {}};
};

TEST_F(Rtl8139Test, says_what_it_is) {
    EXPECT_EQ(card.read_config(0, 4), 0x8139'10ecu);
    EXPECT_EQ(read(0, 4), 0x1200'5452u);
    EXPECT_EQ(read(4, 2), 0x5634u);
    EXPECT_EQ(read(TCR, 4) & 0x7cc0'0000, 0x7400'0000u);
    EXPECT_EQ(read(CR, 1), 1u); // nothing received
    EXPECT_EQ(read(MSR, 1) & 4, 0u);
    EXPECT_EQ(read(BMSR, 2) & 0x24, 0x24u);
    EXPECT_EQ(mmio.read({0xf000'0000}, 4), 0x1200'5452u);
}

TEST_F(Rtl8139Test, shifts_its_address_out_of_the_eeprom) {
    for (u32 word : {0u, 7u, 9u}) {
        write(CR9346, 0x80, 1);
        write(CR9346, 0x88, 1);
        u32 const bits = 0b110u << 6 | word;
        for (int i = 10; i >= 0; --i) { // two zeros before the start bit
            u32 const data = bits >> i & 1 ? 2 : 0;
            write(CR9346, 0x88 | data, 1);
            write(CR9346, 0x8c | data, 1);
        }
        write(CR9346, 0x88, 1);
        u32 value = 0;
        for (int i = 0; i < 16; ++i) {
            write(CR9346, 0x8c, 1);
            value = value << 1 | (read(CR9346, 1) & 1);
            write(CR9346, 0x88, 1);
        }
        EXPECT_EQ(value, word == 0 ? 0x8129u : word == 7 ? 0x5452u : 0x5634u);
    }
}

TEST_F(Rtl8139Test, sends_from_its_four_descriptors_in_turn) {
    start();
    write(IMR, 0x4, 2);
    for (u16 i = 0; i < 5; ++i) {
        u16 const descriptor = i % 4;
        memory.bytes[0x4000] = static_cast<u8>(2 * i);
        write(static_cast<u16>(TSAD + 4 * descriptor), 0x4000, 4);
        write(static_cast<u16>(TSD + 4 * descriptor), 64, 4);
        EXPECT_EQ(read(static_cast<u16>(TSD + 4 * descriptor), 4) & (OWN | TXOK), OWN | TXOK);
        ASSERT_EQ(port.frames.size(), i + 1u);
        EXPECT_EQ(port.frames.back().size(), 64u);
        EXPECT_EQ(port.frames.back()[0], 2 * i);
    }
    EXPECT_TRUE(pin.high);
    write(ISR_, 0x4, 2); // clears by ones
    EXPECT_FALSE(pin.high);
}

TEST_F(Rtl8139Test, waits_for_the_port) {
    start();
    port.takes = false;
    write(TSD, 60, 4);
    EXPECT_FALSE(read(TSD, 4) & OWN);
    port.takes = true;
    card.port_ready();
    EXPECT_TRUE(read(TSD, 4) & OWN);
}

TEST_F(Rtl8139Test, stores_packets_behind_each_other_with_a_header) {
    start();
    write(IMR, 1, 2);
    card.receive(frame_to(mac, 61));
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(read(CR, 1) & 1, 0u);
    EXPECT_EQ(memory.get<u16>(ring), 0x4001);
    EXPECT_EQ(memory.get<u16>(ring + 2), 65);
    EXPECT_EQ(memory.get<u8>(ring + 4 + 60), 0x44);
    EXPECT_EQ(read(CBR, 2), 72u); // 4 + 65, to the next dword
    card.receive(frame_to(broadcast));
    EXPECT_EQ(memory.get<u16>(ring + 72), 0x2001);
    write(CAPR, 72 + 68 - 16, 2);
    EXPECT_EQ(read(CR, 1) & 1, 1u);
}

TEST_F(Rtl8139Test, wraps_around_or_goes_on_behind_the_end) {
    for (u32 const wrap : {0u, 0x80u}) {
        start(0x0a | wrap);
        write(CR, 0x10, 1);
        start(0x0a | wrap);
        for (int i = 0; i < 6; ++i) { // 1,440 bytes each: the sixth crosses 8,192
            card.receive(frame_to(mac, 1432));
            write(CAPR, read(CBR, 2) - 16, 2);
        }
        u32 const end = 6 * 1440 - 8192;
        EXPECT_EQ(read(CBR, 2), end);
        EXPECT_EQ(memory.get<u8>(wrap ? ring + 8192 : ring), 0x44);
        std::fill(memory.bytes.begin() + ring, memory.bytes.begin() + ring + 0x4000, u8{0});
    }
}

TEST_F(Rtl8139Test, makes_frames_wait_when_the_ring_is_full) {
    start();
    int taken = 0;
    for (; card.can_receive() && taken < 100; ++taken) card.receive(frame_to(mac, 1514));
    EXPECT_EQ(taken, 5);
    card.receive(frame_to(mac)); // it comes nevertheless
    EXPECT_TRUE(read(ISR_, 2) & 0x10);
    unsigned const before = port.times_ready;
    write(CAPR, read(CBR, 2) - 16, 2);
    EXPECT_TRUE(card.can_receive());
    EXPECT_EQ(port.times_ready, before) << "what comes now would be acknowledged with what was read";
    write(ISR_, 0x11, 2);
    EXPECT_GT(port.times_ready, before);
}

TEST_F(Rtl8139Test, says_again_that_the_ring_is_full_when_frames_wait) {
    start();
    write(IMR, 1, 2);
    while (card.can_receive()) card.receive(frame_to(mac, 1514));
    unsigned const before = port.times_ready;
    write(ISR_, 1, 2); // acknowledged, but not read
    EXPECT_FALSE(pin.high);
    EXPECT_GT(port.times_ready, before);
    card.frames_wait();
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(read(ISR_, 2), 1u);
}

TEST_F(Rtl8139Test, filters_by_address_and_hash) {
    constexpr MacBytes group{0x01, 0x00, 0x5e, 0x00, 0x00, 0x01};
    auto const takes = [&](MacBytes const& to) {
        u32 const before = read(CBR, 2);
        card.receive(frame_to(to));
        write(CAPR, read(CBR, 2) - 16, 2);
        return read(CBR, 2) != before;
    };
    start(0x0e);
    EXPECT_TRUE(takes(mac));
    EXPECT_TRUE(takes(broadcast));
    EXPECT_FALSE(takes(group));
    EXPECT_FALSE(takes({0x52, 0, 0, 0, 0, 1}));
    write(0x08, ~u32{}, 4);
    write(0x0c, ~u32{}, 4);
    EXPECT_TRUE(takes(group));
    start(0x01);
    EXPECT_TRUE(takes({0x52, 0, 0, 0, 0, 1}));
}

TEST_F(Rtl8139Test, any_traffic_is_bounded) {
    std::mt19937_64 random{1};
    for (int i = 0; i < 40'000; ++i) {
        u16 const offset = static_cast<u16>(random() % 256);
        unsigned const bytes = 1u << random() % 3;
        u64 const at = 0xf000'0000 + (offset & ~u64{bytes - 1});
        u64 const value = random() % 3 ? random() : random() & 0x0c;
        switch (random() % 4) {
        case 0: mmio.write({at}, value, bytes); break;
        case 1: ports.write(static_cast<u16>(base + (offset & ~(bytes - 1))), static_cast<u32>(value), bytes); break;
        case 2: mmio.read({at}, random() % 2 ? bytes : 8); break;
        default: card.receive(frame_to(random() % 2 ? mac : broadcast, 14 + random() % 3000)); break;
        }
        if (random() % 16 == 0) write(CR, 0x0c, 1);
        if (random() % 64 == 0) card.set_link(random() % 4 != 0);
        port.takes = random() % 4 != 0;
        for (auto const& frame : port.frames) ASSERT_TRUE(frame.size() >= 14 && frame.size() < 8192);
        port.frames.clear();
    }
    std::size_t values = 0;
    card.visit([&](std::string_view, auto&) { ++values; });
    EXPECT_GT(values, 5u);
}

} // namespace
} // namespace ring3::e1000_test
