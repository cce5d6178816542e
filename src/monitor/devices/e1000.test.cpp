#include "monitor/devices/e1000.h"

#include "base/internet_checksum.h"
#include "monitor/devices/pci_bus.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace ring3 {
namespace {

/// A guest's RAM of 1 MiB at address 0.
struct FakeMemory final : DmaMemory {
    std::vector<u8> bytes = std::vector<u8>(1 << 20);
    bool covers(GuestPhys address, std::size_t count) const {
        return address.raw <= bytes.size() && count <= bytes.size() - address.raw;
    }
    bool read(GuestPhys address, std::span<u8> out) override {
        if (!covers(address, out.size())) return std::fill(out.begin(), out.end(), u8{0xff}), false;
        std::memcpy(out.data(), bytes.data() + address.raw, out.size());
        return true;
    }
    bool write(GuestPhys address, std::span<u8 const> in) override {
        if (!covers(address, in.size())) return false;
        std::memcpy(bytes.data() + address.raw, in.data(), in.size());
        return true;
    }
    void note_written(GuestPhys, u64) override {}
    template <class Number> Number get(u64 at) const {
        Number value;
        std::memcpy(&value, bytes.data() + at, sizeof value);
        return value;
    }
    template <class Number> void put(u64 at, Number value) { std::memcpy(bytes.data() + at, &value, sizeof value); }
};

struct FakePort final : FramePort {
    bool ready() override { return takes; }
    void send(std::span<u8 const> frame, u16 segment) override {
        frames.emplace_back(frame.begin(), frame.end());
        segments.push_back(segment);
    }
    void card_ready() override { ++times_ready; }
    bool takes{true};
    unsigned times_ready{};
    std::vector<std::vector<u8>> frames;
    std::vector<u16> segments;
};

struct Pin final : PciInterrupts {
    void set_intx(unsigned, unsigned, unsigned, bool asserted) override {
        rises += asserted && !high;
        high = asserted;
    }
    bool high{};
    unsigned rises{};
};

// Registers, by their offsets in the manual's table 13-2.
constexpr u32 CTRL = 0x0, STATUS = 0x8, EECD = 0x10, EERD = 0x14, MDIC = 0x20, VET = 0x38, ICR = 0xc0, ITR = 0xc4,
              ICS = 0xc8, IMS = 0xd0, IMC = 0xd8, RCTL = 0x100, TCTL = 0x400, RDBAL = 0x2800, RDLEN = 0x2808,
              RDH = 0x2810, RDT = 0x2818, TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818,
              GPRC = 0x4074, GPTC = 0x4080, GORCL = 0x4088, GORCH = 0x408c, RNBC = 0x40a0, ROC = 0x40ac,
              RXCSUM = 0x5000, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404, VFTA = 0x5600;
constexpr u32 TXDW = 1, TXQE = 2, LSC = 4, RXDMT0 = 0x10, RXO = 0x40, RXT0 = 0x80, MDAC = 0x200;
constexpr u64 bar = 0xf000'0000, tx_ring = 0x1000, rx_ring = 0x2000, tx_buffer = 0x10000, rx_buffer = 0x40000;
constexpr MacBytes mac{0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

struct E1000Test : testing::Test {
    E1000Test() {
        EXPECT_TRUE(bus.plug(3, 0, card));
        card.write_config(0x10, bar, 4);
        card.write_config(0x14, 0xc000, 4);
        card.write_config(0x04, 0x7, 2); // I/O, memory, bus master
        card.map_windows();
    }
    u32 read(u32 offset) { return static_cast<u32>(mmio.read({bar + offset}, 4)); }
    void write(u32 offset, u32 value) { mmio.write({bar + offset}, value, 4); }

    // ---- sending
    void start_transmitter(u32 descriptors = 8) {
        write(TDBAL, tx_ring);
        write(TDBAH, 0);
        write(TDLEN, descriptors * 16);
        write(TDH, 0);
        write(TDT, 0);
        write(TCTL, 0x2);
    }
    void put_tx(u32 index, u64 address, u32 lower, u32 upper = 0) {
        memory.put(tx_ring + 16 * index, address);
        memory.put(tx_ring + 16 * index + 8, lower);
        memory.put(tx_ring + 16 * index + 12, upper);
    }
    void put_bytes(u64 at, std::vector<u8> const& bytes) {
        std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + static_cast<long>(at));
    }
    bool tx_done(u32 index) const { return memory.get<u8>(tx_ring + 16 * index + 12) & 1; }

    // ---- receiving: descriptor i has a buffer of 2 KiB
    void start_receiver(u32 descriptors = 8, u32 control = 0x8002) { // enabled, broadcasts
        for (u32 i = 0; i < descriptors; ++i) {
            memory.put(rx_ring + 16 * i, rx_buffer + 2048 * i);
            memory.put(rx_ring + 16 * i + 8, u64{0});
        }
        write(RDBAL, rx_ring);
        write(RDLEN, descriptors * 16);
        write(RDH, 0);
        write(RDT, descriptors - 1);
        write(RCTL, control);
    }
    u16 rx_length(u32 index) const { return memory.get<u16>(rx_ring + 16 * index + 8); }
    u8 rx_status(u32 index) const { return memory.get<u8>(rx_ring + 16 * index + 12); }
    u8 rx_errors(u32 index) const { return memory.get<u8>(rx_ring + 16 * index + 13); }
    static std::vector<u8> frame_to(MacBytes const& to, std::size_t bytes = 60) {
        std::vector<u8> frame(bytes, 0x33);
        std::copy(to.begin(), to.end(), frame.begin());
        put_be16(frame, 12, 0x88b5);
        return frame;
    }
    bool receives(std::vector<u8> const& frame) {
        u32 const before = read(RDH);
        card.receive(frame);
        return read(RDH) != before;
    }

    ManualClock clock;
    TimerQueue timers{clock};
    FakeMemory memory;
    FakePort port;
    Pin pin;
    OpenLine reset_line;
    PortBus ports;
    MmioBus mmio;
    NoMemoryMap memory_map;
    PciSpaces spaces{ports, mmio, memory_map};
    PciBus bus{reset_line, spaces, pin};
    E1000 card{timers, memory, port, mac, {}};
};

constexpr MacBytes broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr u32 eop = 1u << 24, ifcs = 2u << 24, rs = 8u << 24, dext = 0x20u << 24, vle = 0x40u << 24, tse = 4u << 24,
              data = 1u << 20;

/// A TCP/IPv4 frame as Linux gives it to a card that is to fill in the checksums.
std::vector<u8> tcp_frame(std::size_t payload, bool with_length) {
    std::vector<u8> frame(54 + payload);
    std::copy(broadcast.begin(), broadcast.end(), frame.begin());
    put_be16(frame, 12, 0x0800);
    frame[14] = 0x45;
    put_be16(frame, 16, with_length ? static_cast<u16>(40 + payload) : u16{0});
    frame[22] = 64, frame[23] = 6;
    put_be32(frame, 26, 0x0a00'020f);
    put_be32(frame, 30, 0x0a00'0202);
    frame[46] = 0x50, frame[47] = 0x18;
    for (std::size_t i = 0; i < payload; ++i) frame[54 + i] = static_cast<u8>(i * 7);
    u32 const length = with_length ? static_cast<u32>(20 + payload) : 0;
    u16 const pseudo = static_cast<u16>(~fold_checksum(ones_sum(std::span{frame}.subspan(26, 8), 6 + length)));
    put_be16(frame, 50, pseudo);
    return frame;
}
bool ip_sum_good(std::vector<u8> const& frame, std::size_t ip = 14) {
    return fold_checksum(ones_sum(std::span{frame}.subspan(ip, 20))) == 0;
}
bool tcp_sum_good(std::vector<u8> const& frame, std::size_t ip = 14) {
    auto const tcp = std::span{frame}.subspan(ip + 20);
    u32 const pseudo = ones_sum(std::span{frame}.subspan(ip + 12, 8), 6 + static_cast<u32>(tcp.size()));
    return fold_checksum(ones_sum(tcp, pseudo)) == 0;
}

// ---- the chip as drivers find it

TEST_F(E1000Test, says_what_it_is) {
    EXPECT_EQ(card.read_config(0, 4), 0x100e'8086u);
    EXPECT_EQ(card.read_config(8, 4) >> 8, 0x02'0000u);
    EXPECT_EQ(card.read_config(0x2c, 4), 0x1100'1af4u);
    EXPECT_EQ(card.read_config(0x3d, 1), 1u);
    EXPECT_EQ(read(STATUS) & 0xc3, 0x83u); // 1000 Mbit/s, link up, full duplex
}

TEST_F(E1000Test, keeps_its_address_in_the_eeprom_with_a_good_checksum) {
    u16 sum = 0;
    std::array<u16, 64> words{};
    for (u32 i = 0; i < 64; ++i) {
        write(EERD, i << 8 | 1);
        ASSERT_TRUE(read(EERD) & 0x10);
        words[i] = static_cast<u16>(read(EERD) >> 16);
        sum = static_cast<u16>(sum + words[i]);
    }
    EXPECT_EQ(sum, 0xbaba);
    EXPECT_EQ(words[0], 0x5452);
    EXPECT_EQ(words[2], 0x5634);
    EXPECT_EQ(read(RAL), 0x1200'5452u);
    EXPECT_EQ(read(RAH), 0x8000'5634u);
}

TEST_F(E1000Test, shifts_the_eeprom_out_bit_by_bit) {
    constexpr u32 SK = 1, CS = 2, DI = 4, DO = 8, REQ = 0x40, GNT = 0x80;
    write(EECD, REQ);
    ASSERT_TRUE(read(EECD) & GNT);
    auto const clock_in = [&](u32 bit) {
        write(EECD, REQ | CS | (bit ? DI : 0));
        write(EECD, REQ | CS | (bit ? DI : 0) | SK);
        write(EECD, REQ | CS | (bit ? DI : 0));
    };
    for (int pass = 0; pass < 2; ++pass) { // again, after the chip was deselected
        u32 const command = 0b110'000001;  // read word 1
        for (int i = 8; i >= 0; --i) clock_in(command >> i & 1);
        u32 word = 0;
        for (int i = 0; i < 16; ++i) {
            write(EECD, REQ | CS | SK);
            word = word << 1 | ((read(EECD) & DO) != 0);
            write(EECD, REQ | CS);
        }
        EXPECT_EQ(word, 0x1200u);
        write(EECD, REQ);
    }
}

TEST_F(E1000Test, shows_a_marvell_transceiver_with_a_link) {
    auto const phy = [&](u32 reg) {
        write(MDIC, 2u << 26 | 1u << 21 | reg << 16);
        EXPECT_EQ(read(MDIC) >> 28 & 7, 1u); // ready, no error
        return read(MDIC) & 0xffff;
    };
    EXPECT_EQ(phy(2), 0x0141u);
    EXPECT_EQ(phy(3), 0x0c20u);
    EXPECT_EQ(phy(1) & 0x24, 0x24u); // negotiated, link
    EXPECT_EQ(phy(17) & 0xac00, 0xac00u);
    write(MDIC, 1u << 26 | 1u << 21 | 4u << 16 | 0x0de1);
    EXPECT_EQ(phy(4), 0x0de1u);
    write(MDIC, 1u << 26 | 1u << 21 | 0u << 16 | 0x8000); // reset
    EXPECT_EQ(phy(4), 0x01e1u);
    EXPECT_EQ(phy(0), 0x1140u);
    write(MDIC, 2u << 26 | 7u << 21 | 2u << 16); // another address
    EXPECT_TRUE(read(MDIC) >> 30 & 1);
    write(IMS, MDAC);
    write(MDIC, 2u << 26 | 1u << 21 | 2u << 16 | 1u << 29);
    EXPECT_TRUE(pin.high);
}

TEST_F(E1000Test, resets_itself_but_not_its_address) {
    write(VET, 0x1234);
    write(RAL, 1);
    write(IMS, LSC);
    write(ICS, LSC);
    ASSERT_TRUE(pin.high);
    write(CTRL, 1u << 26);
    EXPECT_FALSE(read(CTRL) >> 26 & 1);
    EXPECT_FALSE(pin.high);
    EXPECT_EQ(read(IMS), 0u);
    EXPECT_EQ(read(VET), 0x8100u);
    EXPECT_EQ(read(RAL), 0x1200'5452u);
}

TEST_F(E1000Test, can_be_reset_through_its_ports) {
    write(VET, 0x1234);
    ports.write(0xc000, CTRL, 4);
    ports.write(0xc004, 1u << 26, 4);
    EXPECT_EQ(read(VET), 0x8100u);
    ports.write(0xc000, STATUS, 4);
    EXPECT_EQ(ports.read(0xc004, 4), read(STATUS));
    EXPECT_EQ(ports.read(0xc004, 1), read(STATUS) & 0xff);
    ports.write(0xc000, 0xffff'fff0, 4); // behind the registers
    EXPECT_EQ(ports.read(0xc004, 4), 0u);
}

TEST_F(E1000Test, interrupts_follow_the_mask_and_reading_the_causes_clears_them) {
    write(ICS, RXT0);
    EXPECT_FALSE(pin.high);
    write(IMS, RXT0);
    EXPECT_TRUE(pin.high);
    write(IMC, RXT0);
    EXPECT_FALSE(pin.high);
    write(IMS, RXT0);
    EXPECT_EQ(read(ICR), RXT0);
    EXPECT_FALSE(pin.high);
    EXPECT_EQ(read(ICR), 0u);
    write(ICS, RXT0 | LSC);
    write(ICR, RXT0);
    EXPECT_EQ(read(ICR), LSC);
}

TEST_F(E1000Test, itr_keeps_a_distance_between_interrupts) {
    clock.advance(1'000'000);
    write(ITR, 200); // 51.2 us
    write(IMS, RXT0);
    write(ICS, RXT0);
    EXPECT_EQ(pin.rises, 1u);
    read(ICR);
    clock.advance(10'000);
    write(ICS, RXT0);
    EXPECT_FALSE(pin.high);
    EXPECT_EQ(timers.next_deadline(), 1'000'000u + 51'200);
    clock.advance(41'200);
    timers.run_expired();
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(pin.rises, 2u);
}

TEST_F(E1000Test, a_cable_that_is_pulled_out_is_seen_and_reported) {
    write(IMS, LSC);
    card.set_link(false);
    EXPECT_TRUE(pin.high);
    EXPECT_FALSE(read(STATUS) & 2);
    EXPECT_EQ(read(ICR), LSC);
    card.set_link(false); // it was out already
    EXPECT_EQ(read(ICR), 0u);
    card.set_link(true);
    EXPECT_TRUE(read(STATUS) & 2);
}

// ---- sending

TEST_F(E1000Test, sends_a_packet_of_a_legacy_descriptor) {
    start_transmitter();
    auto const frame = frame_to(broadcast, 100);
    put_bytes(tx_buffer, frame);
    put_tx(0, tx_buffer, 100 | eop | ifcs | rs);
    write(IMS, TXDW);
    write(TDT, 1);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.frames[0], frame);
    EXPECT_EQ(port.segments[0], 0);
    EXPECT_TRUE(tx_done(0));
    EXPECT_EQ(read(TDH), 1u);
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(read(ICR), TXDW | TXQE);
    EXPECT_EQ(read(GPTC), 1u);
    EXPECT_EQ(read(GPTC), 0u); // cleared by reading
}

TEST_F(E1000Test, gathers_a_packet_and_wraps_around_the_ring) {
    start_transmitter(8);
    write(TDH, 7);
    write(TDT, 7);
    auto const frame = frame_to(broadcast, 90);
    put_bytes(tx_buffer, frame);
    put_tx(7, tx_buffer, 14);
    put_tx(0, tx_buffer + 14, 70);
    put_tx(1, tx_buffer + 84, 6 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty()); // its end is missing
    write(TDT, 2);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.frames[0], frame);
    EXPECT_FALSE(tx_done(7)); // no status was asked for
    EXPECT_TRUE(tx_done(1));
}

TEST_F(E1000Test, inserts_the_checksum_that_a_legacy_descriptor_asks_for) {
    start_transmitter();
    auto frame = tcp_frame(31, true);
    put_bytes(tx_buffer, frame);
    put_tx(0, tx_buffer, static_cast<u32>(frame.size()) | 50u << 16 | eop | 4u << 24, 34u << 8); // IC, CSO, CSS
    write(TDT, 1);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_TRUE(tcp_sum_good(port.frames[0]));
}

/// IP header at 14, TCP header at 34.
constexpr u64 context_addresses = 14 | 24 << 8 | 33 << 16 | u64{34} << 32 | u64{50} << 40;

TEST_F(E1000Test, inserts_both_checksums_of_a_context) {
    start_transmitter();
    auto const frame = tcp_frame(100, true);
    put_bytes(tx_buffer, frame);
    put_tx(0, context_addresses, dext | 3u << 24);
    put_tx(1, tx_buffer, static_cast<u32>(frame.size()) | data | dext | eop | rs, 3u << 8);
    write(TDT, 2);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_TRUE(ip_sum_good(port.frames[0]));
    EXPECT_TRUE(tcp_sum_good(port.frames[0]));
    put_tx(2, tx_buffer, static_cast<u32>(frame.size()) | data | dext | eop, 0); // not asked for
    write(TDT, 3);
    EXPECT_EQ(port.frames[1], frame);
}

TEST_F(E1000Test, completes_a_long_tcp_packet_and_leaves_the_cutting_to_the_wire) {
    start_transmitter();
    auto const frame = tcp_frame(10'000, false);
    put_bytes(tx_buffer, frame);
    put_tx(0, context_addresses, 10'000 | dext | (1u | 2u | 4u) << 24, 54u << 8 | 1460u << 16);
    put_tx(1, tx_buffer, 54 | data | dext | tse, 3u << 8);
    put_tx(2, tx_buffer + 54, 10'000 | data | dext | tse | eop | rs, 3u << 8);
    write(TDT, 3);
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.segments[0], 1460);
    EXPECT_EQ(be16(port.frames[0], 16), 10'040);
    EXPECT_TRUE(ip_sum_good(port.frames[0]));
    EXPECT_TRUE(tcp_sum_good(port.frames[0]));
    EXPECT_EQ(read(GPTC), 7u);
    EXPECT_EQ(read(0x40f8), 1u); // TSCTC
}

TEST_F(E1000Test, inserts_a_vlan_tag) {
    start_transmitter();
    auto const frame = frame_to(broadcast);
    put_bytes(tx_buffer, frame);
    put_tx(0, tx_buffer, 60 | eop | vle, 0x0123u << 16);
    write(TDT, 1);
    EXPECT_EQ(port.frames.at(0).size(), 60u); // CTRL.VME is not set
    write(CTRL, 1u << 30);
    put_tx(1, tx_buffer, 60 | eop | vle, 0x0123u << 16);
    write(TDT, 2);
    ASSERT_EQ(port.frames.at(1).size(), 64u);
    EXPECT_EQ(be32(port.frames[1], 12), 0x8100'0123u);
    EXPECT_EQ(be16(port.frames[1], 16), 0x88b5);
}

TEST_F(E1000Test, waits_for_the_port_and_goes_on) {
    start_transmitter();
    put_tx(0, tx_buffer, 60 | eop | rs);
    port.takes = false;
    write(TDT, 1);
    EXPECT_EQ(read(TDH), 0u);
    EXPECT_FALSE(tx_done(0));
    port.takes = true;
    card.port_ready();
    EXPECT_TRUE(tx_done(0));
}

TEST_F(E1000Test, does_nothing_before_it_is_bus_master_and_catches_up_then) {
    start_transmitter();
    card.write_config(0x04, 0x3, 2);
    put_tx(0, tx_buffer, 60 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty());
    card.write_config(0x04, 0x7, 2);
    EXPECT_EQ(port.frames.size(), 1u);
}

TEST_F(E1000Test, uses_up_and_loses_packets_without_a_cable) {
    start_transmitter();
    card.set_link(false);
    put_tx(0, tx_buffer, 60 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty());
    EXPECT_TRUE(tx_done(0));
}

TEST_F(E1000Test, what_is_sent_comes_back_in_loopback) {
    start_transmitter();
    start_receiver(8, 0x801a);                 // promiscuous
    write(MDIC, 1u << 26 | 1u << 21 | 0x4140); // loopback, gigabit
    put_bytes(tx_buffer, frame_to(mac));
    put_tx(0, tx_buffer, 60 | eop | rs);
    write(TDT, 1);
    EXPECT_TRUE(port.frames.empty());
    EXPECT_EQ(rx_length(0), 64u);
}

// ---- receiving

TEST_F(E1000Test, stores_a_frame_and_reports_it) {
    start_receiver();
    write(IMS, RXT0);
    card.receive(frame_to(mac, 100));
    EXPECT_EQ(rx_length(0), 104u);  // with the check sequence
    EXPECT_EQ(rx_status(0) & 3, 3); // done, end of packet
    EXPECT_EQ(memory.get<u8>(rx_buffer + 99), 0x33);
    EXPECT_EQ(read(RDH), 1u);
    EXPECT_TRUE(pin.high);
    EXPECT_EQ(read(ICR), RXT0);
    EXPECT_EQ(read(GPRC), 1u);
    EXPECT_EQ(read(GORCL), 104u);
    EXPECT_EQ(read(GORCH), 0u); // clears both
    EXPECT_EQ(read(GORCL), 0u);
}

TEST_F(E1000Test, pads_short_frames_and_can_strip_the_check_sequence) {
    start_receiver(8, 0x8002 | 1u << 26);
    card.receive(frame_to(mac, 14));
    EXPECT_EQ(rx_length(0), 60u);
    EXPECT_EQ(memory.get<u8>(rx_buffer + 20), 0);
}

TEST_F(E1000Test, spreads_a_long_frame_over_small_buffers) {
    start_receiver(8, 0x8002 | 2u << 16 | 1u << 26); // 512 bytes
    card.receive(frame_to(mac, 1200));
    EXPECT_EQ(rx_length(0), 512u);
    EXPECT_EQ(rx_length(1), 512u);
    EXPECT_EQ(rx_length(2), 176u);
    EXPECT_EQ(rx_status(0) & 3, 1);
    EXPECT_EQ(rx_status(2) & 3, 3);
    EXPECT_EQ(read(RDH), 3u);
}

TEST_F(E1000Test, knows_its_buffer_sizes) {
    auto const size = [](u32 bits) { return E1000ReceiveControl{{bits}}.buffer_bytes(); };
    EXPECT_EQ(size(0), 2048u);
    EXPECT_EQ(size(1u << 16), 1024u);
    EXPECT_EQ(size(3u << 16), 256u);
    EXPECT_EQ(size(1u << 25 | 1u << 16), 16'384u);
    EXPECT_EQ(size(1u << 25 | 2u << 16), 8192u);
    EXPECT_EQ(size(1u << 25 | 3u << 16), 4096u);
    EXPECT_EQ(size(1u << 25), 2048u);
}

TEST_F(E1000Test, long_packets_need_their_bit) {
    start_receiver();
    EXPECT_TRUE(receives(frame_to(mac, 1514)));
    EXPECT_FALSE(receives(frame_to(mac, 1515)));
    EXPECT_EQ(read(ROC), 1u);
    write(RCTL, 0x8022);
    EXPECT_TRUE(receives(frame_to(mac, 1515)));
}

TEST_F(E1000Test, filters_by_address) {
    constexpr MacBytes other{0x52, 0x54, 0, 0, 0, 1}, group{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
    start_receiver(64, 0x2);
    EXPECT_TRUE(receives(frame_to(mac)));
    EXPECT_FALSE(receives(frame_to(other)));
    EXPECT_FALSE(receives(frame_to(broadcast)));
    EXPECT_FALSE(receives(frame_to(group)));
    write(RCTL, 0x8002);
    EXPECT_TRUE(receives(frame_to(broadcast)));
    write(RCTL, 0xa); // unicast promiscuous
    EXPECT_TRUE(receives(frame_to(other)));
    EXPECT_FALSE(receives(frame_to(group)));
    write(RCTL, 0x12); // multicast promiscuous
    EXPECT_TRUE(receives(frame_to(group)));
    EXPECT_FALSE(receives(frame_to(other)));
    write(RCTL, 0x2);
    write(RAL + 8, 0x0000'5452); // a second address
    write(RAH + 8, 0x8000'0100);
    EXPECT_TRUE(receives(frame_to(other)));
    write(RAH + 8, 0x0000'0100); // not valid
    EXPECT_FALSE(receives(frame_to(other)));
}

TEST_F(E1000Test, the_multicast_hash_uses_the_bits_that_rctl_chooses) {
    constexpr MacBytes group{0x01, 0x00, 0x5e, 0x01, 0x02, 0xa3};
    // 13.5.1: bits 47:36, 46:35, 45:34 or 43:32 of the address, of which 47:40 is the last byte.
    constexpr u32 last_bytes = 0xa302, shifts[] = {4, 3, 2, 0};
    for (u32 offset = 0; offset < 4; ++offset) {
        start_receiver(8, 0x2 | offset << 12);
        for (u32 i = 0; i < 128; ++i) write(MTA + 4 * i, 0);
        EXPECT_FALSE(receives(frame_to(group))) << offset;
        u32 const hash = last_bytes >> shifts[offset] & 0xfff;
        write(MTA + 4 * (hash >> 5), 1u << (hash & 31));
        EXPECT_TRUE(receives(frame_to(group))) << offset;
    }
}

TEST_F(E1000Test, filters_and_strips_vlan_tags) {
    auto frame = frame_to(mac, 68);
    put_be32(frame, 12, 0x8100'2007); // priority 1, VLAN 7
    put_be16(frame, 16, 0x88b5);
    start_receiver(8, 0x2 | 1u << 18 | 1u << 26); // VLAN filter
    EXPECT_FALSE(receives(frame));
    write(VFTA, 1u << 7);
    EXPECT_TRUE(receives(frame));
    EXPECT_EQ(rx_length(0), 68u);
    write(CTRL, 1u << 30);
    EXPECT_TRUE(receives(frame));
    EXPECT_EQ(rx_length(1), 64u);
    EXPECT_TRUE(rx_status(1) & 8);
    EXPECT_EQ(memory.get<u16>(rx_ring + 16 + 14), 0x2007);
    EXPECT_EQ(memory.get<u16>(rx_buffer + 2048 + 12), 0xb588);
}

TEST_F(E1000Test, checks_checksums_if_it_is_to) {
    start_receiver(8, 0xa);
    auto frame = tcp_frame(50, true);
    put_be16(frame, 24, fold_checksum(ones_sum(std::span{frame}.subspan(14, 20))));
    u32 const pseudo = ones_sum(std::span{frame}.subspan(26, 8), 6 + 70);
    put_be16(frame, 50, 0);
    put_be16(frame, 50, fold_checksum(ones_sum(std::span{frame}.subspan(34), pseudo)));
    card.receive(frame_to(mac, 60)); // no IP packet
    EXPECT_EQ(rx_status(0), 0x07);
    write(RCTL, 0x800a);
    card.receive(frame);
    EXPECT_EQ(rx_status(1), 0x07); // not asked to
    write(RXCSUM, 0x300);
    card.receive(frame);
    EXPECT_EQ(rx_status(2), 0x63);
    EXPECT_EQ(rx_errors(2), 0);
    frame[60] ^= 1;
    card.receive(frame);
    EXPECT_EQ(rx_status(3), 0x63);
    EXPECT_EQ(rx_errors(3), 0x20);
    frame[22] = 1;
    card.receive(frame);
    EXPECT_EQ(rx_errors(4), 0x60);
}

TEST_F(E1000Test, a_full_ring_makes_frames_wait_and_one_that_comes_nevertheless_is_counted) {
    start_receiver(8);
    write(RDT, 2);
    EXPECT_TRUE(card.can_receive());
    card.receive(frame_to(mac));
    card.receive(frame_to(mac));
    EXPECT_FALSE(card.can_receive());
    read(ICR);
    card.receive(frame_to(mac));
    EXPECT_EQ(read(ICR), RXO);
    EXPECT_EQ(read(RNBC), 1u);
    unsigned const before = port.times_ready;
    write(RDT, 4);
    EXPECT_TRUE(card.can_receive());
    EXPECT_EQ(port.times_ready, before + 1);
}

TEST_F(E1000Test, a_receiver_that_is_off_takes_everything_and_loses_it) {
    EXPECT_TRUE(card.can_receive());
    card.receive(frame_to(mac));
    EXPECT_EQ(read(GPRC), 0u);
}

TEST_F(E1000Test, reports_when_few_descriptors_are_left) {
    start_receiver(8, 0x8002); // threshold: a half
    for (int i = 0; i < 2; ++i) card.receive(frame_to(mac));
    EXPECT_FALSE(read(ICR) & RXDMT0); // 5 are left
    card.receive(frame_to(mac));
    EXPECT_TRUE(read(ICR) & RXDMT0);
}

// ---- what no driver should do

TEST_F(E1000Test, rings_that_make_no_sense_do_nothing) {
    start_transmitter(8);
    for (auto const& [head, tail] : {std::pair{0u, 8u}, {0u, 0xffffu}, {9u, 1u}, {0xffffu, 0u}}) {
        write(TDH, head);
        write(TDT, tail);
        EXPECT_EQ(read(TDH), head);
    }
    write(TDLEN, 0);
    write(TDH, 0);
    write(TDT, 1);
    EXPECT_EQ(read(TDH), 0u);
    EXPECT_TRUE(port.frames.empty());
    write(RDLEN, 0);
    write(RDT, 5);
    write(RCTL, 0x8002);
    EXPECT_FALSE(card.can_receive());
    card.receive(frame_to(mac)); // it comes nevertheless
    EXPECT_EQ(read(RNBC), 1u);
}

TEST_F(E1000Test, rings_outside_memory_end_and_are_bounded) {
    start_transmitter();
    write(TDBAH, 0xffff'ffff);
    write(TDBAL, 0xffff'fff0); // descriptors wrap around the address space; they read as ones: context descriptors
    write(TDLEN, 0xf'ff80);
    write(TDT, 0xfff0);
    EXPECT_LE(read(TDH), 4096u);
    EXPECT_GT(read(TDH), 0u);
    EXPECT_NE(timers.next_deadline(), Timer::never); // it goes on later
    EXPECT_TRUE(port.frames.empty());
}

TEST_F(E1000Test, a_packet_without_end_is_lost_and_the_next_one_is_not) {
    start_transmitter(64);
    for (u32 i = 0; i < 20; ++i) put_tx(i, tx_buffer, 0xffff);
    put_tx(20, tx_buffer, 100 | eop | rs);
    put_tx(21, tx_buffer, 60 | eop | rs);
    write(TDT, 22);
    clock.advance(1'000'000);
    timers.run_expired();
    EXPECT_TRUE(tx_done(20));
    ASSERT_EQ(port.frames.size(), 1u);
    EXPECT_EQ(port.frames[0].size(), 60u);
}

TEST_F(E1000Test, packets_that_are_no_frames_are_lost) {
    start_transmitter();
    for (u32 const length : {0u, 1u, 13u}) {
        put_tx(0, tx_buffer, length | eop | rs);
        write(TDH, 0);
        write(TDT, 0);
        write(TDT, 1);
    }
    EXPECT_TRUE(port.frames.empty());
}

TEST_F(E1000Test, registers_in_pieces_are_read_in_part_and_not_written) {
    write(VET, 0x1234);
    EXPECT_EQ(mmio.read({bar + VET + 1}, 1), 0x12u);
    mmio.write({bar + VET}, 0xff, 1);
    mmio.write({bar + VET + 2}, 0xffff, 2);
    EXPECT_EQ(read(VET), 0x1234u);
    EXPECT_EQ(mmio.read({bar + RAL}, 8), 0x8000'5634'1200'5452u);
    EXPECT_EQ(read(0x1fffc), 0u);
}

TEST_F(E1000Test, any_traffic_is_bounded_and_its_state_can_be_saved) {
    std::mt19937_64 random{1};
    constexpr u32 often[] = {CTRL,  EECD,  EERD, MDIC, ICR,   ITR,   ICS, IMS, IMC,    RCTL, TCTL,
                             RDBAL, RDLEN, RDH,  RDT,  TDBAL, TDLEN, TDH, TDT, RXCSUM, RAL,  RAH};
    for (int i = 0; i < 40'000; ++i) {
        u32 const offset = random() % 4 ? often[random() % std::size(often)] : static_cast<u32>(random() % 0x2'0000);
        u64 value = random();
        if (random() % 2) value &= 0xffff; // lengths and places that fit
        unsigned const bytes = 1u << random() % 4;
        u64 const at = bar + (offset & ~u64{bytes - 1});
        if (offset == CTRL && random() % 8) value &= ~(u64{1} << 26);
        if (random() % 3)
            mmio.write({at}, value, random() % 4 ? 4 : bytes);
        else
            mmio.read({at}, bytes);
        if (random() % 8 == 0) memory.put(random() % (memory.bytes.size() - 8), random());
        if (random() % 16 == 0) card.receive(frame_to(random() % 2 ? mac : broadcast, 14 + random() % 20'000));
        if (random() % 64 == 0) card.set_link(random() % 4 != 0);
        port.takes = random() % 4 != 0;
        clock.advance(random() % 100'000);
        timers.run_expired();
        for (auto const& frame : port.frames) ASSERT_TRUE(frame.size() >= 14 && frame.size() <= longest_frame);
        port.frames.clear();
    }
    std::size_t values = 0;
    card.visit([&](std::string_view, auto&) { ++values; });
    EXPECT_GT(values, 40u);
}

} // namespace
} // namespace ring3
