// Intel 82540EM, a gigabit Ethernet controller on the PCI bus: the card that QEMU calls e1000.
//
//     guest --- registers ---+-- E1000Transmitter (ring) ---> FramePort
//               BAR 0, 1     +-- E1000Receiver (ring, E1000Filter) <--- frames
//                            +-- E1000Interrupts ---> INTA#
//                            +-- E1000Eeprom, E1000Phy, E1000Statistics
//
// Models: what the parts' headers list; the registers by memory (BAR 0) and by an index and a data port (BAR 1, 13.6);
//         an expansion ROM.
// Missing: power management and wake-up (the registers are kept), flow control frames, the flash behind the ROM.
// Totality: registers have 32 bits. What is read in pieces is part of the whole; a write that is not of whole dwords is lost.
//           Registers that are not there read as 0.
// Source: 317453, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual.
#pragma once

#include "monitor/devices/e1000_eeprom.h"
#include "monitor/devices/e1000_phy.h"
#include "monitor/devices/e1000_receive.h"
#include "monitor/devices/e1000_transmit.h"
#include "monitor/devices/pci_function.h"

namespace ring3 {

class E1000 final : public PciFunction, public NetworkCard, private MmioDevice {
public:
    static constexpr u64 register_space = 128 << 10;
    static constexpr u16 port_space = 64;
    static constexpr Identity identity{0x8086, 0x100e, 0x02'0000, 0x03, false, 0x1af4, 0x1100};

    /// `rom` may be empty; else it outlives the card.
    E1000(TimerQueue& timers, DmaMemory& memory, FramePort& port, MacBytes const& mac, std::span<u8> rom);

    // ---- NetworkCard
    bool can_receive() const override { return receiver_.can_receive(receive_conditions()); }
    void receive(std::span<u8 const> frame) override { receiver_.receive(frame, receive_conditions()); }
    void port_ready() override { transmitter_.run(); }
    void set_link(bool up) override;

    void reset() override;

    void visit(auto&& archive) {
        PciFunction::visit(archive);
        archive("e1000.ctrl", control_.raw);
        archive("e1000.mdic", mdic_);
        archive("e1000.kept", kept_);
        archive("e1000.ioaddr", port_address_);
        archive("e1000.cable", cable_);
        eeprom_.visit(archive);
        phy_.visit(archive);
        interrupts_.visit(archive);
        statistics_.visit(archive);
        filter_.visit(archive);
        transmitter_.visit(archive);
        receiver_.visit(archive);
    }

private:
    /// IOADDR and IODATA.
    class PortWindow final : public PortDevice {
    public:
        explicit PortWindow(E1000& card) : card_{card} {}
        u8 read(u16 offset) override;
        void write(u16, u8) override {} // dwords only
        u32 read_wide(u16 offset, unsigned bytes) override;
        void write_wide(u16 offset, u32 value, unsigned bytes) override;

    private:
        E1000& card_;
    };
    struct Control : Reg<Control, u32> { // CTRL, 13.4.1
        using FullDuplex = Field<0>;
        using SetLinkUp = Field<6>;
        using Speed = Field<9, 8>;
        using Reset = Field<26>;
        using VlanMode = Field<30>;
        using PhyReset = Field<31>;
    };
    struct Mdic : Reg<Mdic, u32> { // 13.4.5
        using Data = Field<15, 0>;
        using Register = Field<20, 16>;
        using Phy = Field<25, 21>;
        using Operation = Field<27, 26>;
        using Ready = Field<28>;
        using Interrupt = Field<29>;
        using Error = Field<30>;
    };
    static constexpr std::size_t kept_count = 26; // registers that nothing depends on

    u64 read(u64 offset, unsigned bytes) override;
    void write(u64 offset, u64 value, unsigned bytes) override;
    u32 read_register(u32 offset);
    void write_register(u32 offset, u32 value);
    bool read_block(u32 offset, u32& value);
    bool write_block(u32 offset, u32 value);
    void write_control(u32 value);
    void write_mdic(u32 value);
    u32 status() const;
    u32* kept(u32 offset);
    void config_written(u8 offset, unsigned bytes) override;
    void reset_registers();
    void tell_port_if_receiving_begins(bool before);
    u16 tag_type() const { return static_cast<u16>(kept_[0]); } // VET
    E1000Transmitter::Conditions transmit_conditions() const;
    E1000Receiver::Conditions receive_conditions() const;

    FramePort& port_;
    MacBytes mac_;
    E1000Eeprom eeprom_;
    E1000Phy phy_;
    E1000Interrupts interrupts_;
    E1000Statistics statistics_;
    E1000Filter filter_;
    E1000Receiver receiver_;
    E1000Transmitter transmitter_;
    PortWindow port_window_{*this};
    Control control_{};
    u32 mdic_{};
    std::array<u32, kept_count> kept_{};
    u32 port_address_{};
    bool cable_{true};
};

} // namespace ring3
