// Realtek RTL8139C, a fast Ethernet controller on the PCI bus, which systems of the late nineties have drivers for.
//
// Models: the registers by ports (BAR 0) and by memory (BAR 1); four transmit descriptors; the receive ring with and
//         without WRAP; address filters; interrupts; the serial EEPROM; the transceiver's registers; loopback.
// Missing: the C+ descriptor rings of later chips, the timer, wake-up, early interrupts, the counters of collisions and
//          missed packets (0); the check sequence behind a received frame is four zero bytes.
// Totality: every register has bytes; accesses of any width fall apart into them, and what acts is a whole register's last
//           byte, or the whole. The receive ring's pointers are taken modulo its size.
// Source: RTL8139C(L) data sheet 1.4, chapters 5 (registers), 6 (EEPROM), 8 (PCI) and its programming guide.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/frame_port.h"
#include "monitor/devices/eeprom_93c46.h"
#include "monitor/devices/pci_function.h"

#include <vector>

namespace ring3 {

class Rtl8139 final : public PciFunction, public NetworkCard, private PortDevice {
public:
    static constexpr u16 register_space = 256;
    static constexpr Identity identity{0x10ec, 0x8139, 0x02'0000, 0x10, false, 0x1af4, 0x1100};

    /// `rom` may be empty; else it outlives the card.
    Rtl8139(DmaMemory& memory, FramePort& port, MacBytes const& mac, std::span<u8> rom);

    bool can_receive() const override;
    void receive(std::span<u8 const> frame) override;
    void frames_wait() override;
    void port_ready() override { transmit(); }
    void set_link(bool up) override;
    void reset() override;

    void visit(auto&& archive) {
        PciFunction::visit(archive);
        archive("rtl8139.registers", registers_);
        archive("rtl8139.transmitter", next_transmit_);
        archive("rtl8139.link", link_);
        eeprom_.visit(archive);
    }

private:
    /// The same registers by memory.
    class MemoryWindow final : public MmioDevice {
    public:
        explicit MemoryWindow(Rtl8139& card) : card_{card} {}
        u64 read(u64 offset, unsigned bytes) override;
        void write(u64 offset, u64 value, unsigned bytes) override;

    private:
        Rtl8139& card_;
    };
    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    u32 read_wide(u16 offset, unsigned bytes) override;
    void write_wide(u16 offset, u32 value, unsigned bytes) override;
    void store(u16 offset, u8 value);
    void act(u16 offset);
    void command(u8 value);
    void write_eeprom(u8 value);

    u16 word_at(u16 offset) const { return static_cast<u16>(registers_[offset] | registers_[offset + 1] << 8); }
    u32 dword_at(u16 offset) const { return word_at(offset) | u32{word_at(static_cast<u16>(offset + 2))} << 16; }
    void set_word(u16 offset, u16 value);
    void set_dword(u16 offset, u32 value);

    void transmit();
    void send(unsigned descriptor);
    u32 ring_bytes() const;
    u32 ring_used() const;
    bool passes(std::span<u8 const> frame) const;
    void write_ring(u32 at, std::span<u8 const> bytes);
    void raise(u16 causes);
    void drive() { set_intx((word_at(isr) & word_at(imr)) != 0); }
    void reset_registers();
    void config_written(u8 offset, unsigned bytes) override;

    enum Register : u16 { // chapter 5
        idr = 0x00,
        mar = 0x08,
        tsd = 0x10,
        tsad = 0x20,
        rbstart = 0x30,
        cr = 0x37,
        capr = 0x38,
        cbr = 0x3a,
        imr = 0x3c,
        isr = 0x3e,
        tcr = 0x40,
        rcr = 0x44,
        eecr = 0x50,
        msr = 0x58,
        bmcr = 0x62,
        bmsr = 0x64,
        anar = 0x66,
        anlpar = 0x68,
        aner = 0x6a,
    };
    static constexpr unsigned descriptors = 4;

    DmaMemory& memory_;
    FramePort& port_;
    MacBytes mac_;
    Eeprom93C46 eeprom_;
    MemoryWindow memory_window_{*this};
    std::array<u8, register_space> registers_{};
    u8 next_transmit_{};
    bool link_{true};
    std::vector<u8> buffer_;
};

} // namespace ring3
