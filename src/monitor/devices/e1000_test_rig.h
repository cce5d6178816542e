// An 82540EM on a PCI bus with RAM, a cable and an interrupt pin that tests look at.
#pragma once

#include "base/internet_checksum.h"
#include "monitor/devices/e1000.h"
#include "monitor/devices/pci_bus.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

namespace ring3::e1000_test {

/// A guest's RAM of 1 MiB at address 0.
struct FakeMemory final : DmaMemory {
    std::vector<u8> bytes = std::vector<u8>(1 << 20);
    bool covers(GuestPhys address, std::size_t count) const {
        return address.raw <= bytes.size() && count <= bytes.size() - address.raw;
    }
    bool read(GuestPhys address, std::span<u8> out) override {
        if (out.empty()) return true;
        if (!covers(address, out.size())) return std::fill(out.begin(), out.end(), u8{0xff}), false;
        std::memcpy(out.data(), bytes.data() + address.raw, out.size());
        return true;
    }
    bool write(GuestPhys address, std::span<u8 const> in) override {
        if (in.empty()) return true;
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
inline constexpr u32 CTRL = 0x0, STATUS = 0x8, EECD = 0x10, EERD = 0x14, MDIC = 0x20, VET = 0x38, ICR = 0xc0,
                     ITR = 0xc4, ICS = 0xc8, IMS = 0xd0, IMC = 0xd8, RCTL = 0x100, TCTL = 0x400, RDBAL = 0x2800,
                     RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818, TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808,
                     TDH = 0x3810, TDT = 0x3818, GPRC = 0x4074, GPTC = 0x4080, GORCL = 0x4088, GORCH = 0x408c,
                     RNBC = 0x40a0, ROC = 0x40ac, RXCSUM = 0x5000, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404,
                     VFTA = 0x5600;
inline constexpr u32 TXDW = 1, TXQE = 2, LSC = 4, RXDMT0 = 0x10, RXO = 0x40, RXT0 = 0x80, MDAC = 0x200;
inline constexpr u64 bar = 0xf000'0000, tx_ring = 0x1000, rx_ring = 0x2000, tx_buffer = 0x10000, rx_buffer = 0x40000;
inline constexpr MacBytes mac{0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

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

inline constexpr MacBytes broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
inline constexpr u32 eop = 1u << 24, ifcs = 2u << 24, rs = 8u << 24, dext = 0x20u << 24, vle = 0x40u << 24,
                     tse = 4u << 24, data = 1u << 20;

/// A TCP/IPv4 frame as Linux gives it to a card that is to fill in the checksums.
inline std::vector<u8> tcp_frame(std::size_t payload, bool with_length) {
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
inline bool ip_sum_good(std::vector<u8> const& frame, std::size_t ip = 14) {
    return fold_checksum(ones_sum(std::span{frame}.subspan(ip, 20))) == 0;
}
inline bool tcp_sum_good(std::vector<u8> const& frame, std::size_t ip = 14) {
    auto const tcp = std::span{frame}.subspan(ip + 20);
    u32 const pseudo = ones_sum(std::span{frame}.subspan(ip + 12, 8), 6 + static_cast<u32>(tcp.size()));
    return fold_checksum(ones_sum(tcp, pseudo)) == 0;
}

} // namespace ring3::e1000_test
