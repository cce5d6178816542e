// The PC's two Intel 8237A DMA controllers with their page registers: channels 0-3 move bytes, 5-7 words; 4 is the cascade.
//
//     device --(channel 2: the floppy controller)--> Dma8237 --address, count--> DmaMemory
//
// Models: base and current addresses and counts, the flip-flop, modes (read, write, verify; up, down; auto-initialization),
//         masks, status with terminal counts, master clear, page registers, bits 24-31 of addresses (EISA's high pages).
// Missing: memory-to-memory transfers, request registers, timings and priorities: a device moves what it has at once.
// Source: 8237A data sheet (231466); 82371SB data sheet (290550) 3.2.1 for ports and page registers.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>

namespace ring3 {

class Dma8237 final {
public:
    static constexpr PortRange first_ports{0x00, 0x10};
    static constexpr PortRange second_ports{0xc0, 0x20};
    static constexpr PortRange page_ports{0x80, 0x10}; // 80h: where firmware leaves its progress codes
    static constexpr PortRange high_page_ports{0x480, 0x10};

    explicit Dma8237(DmaMemory& memory) : memory_{memory} {}

    PortDevice& first() { return first_; }
    PortDevice& second() { return second_; }
    PortDevice& pages() { return pages_; }
    PortDevice& high_pages() { return high_pages_; }
    void reset();

    // ---- for devices: DREQ and DACK
    /// Bytes that the channel takes or gives before its terminal count; 0 while it is masked or its controller disabled.
    u32 bytes_left(unsigned channel) const;
    struct Moved {
        u32 bytes{};
        bool terminal_count{};
    };
    /// Puts a device's bytes into memory, as many as the channel takes. Verify transfers move nothing but the count.
    Moved to_memory(unsigned channel, std::span<u8 const> bytes);
    /// Takes bytes from memory for a device. What is no RAM is all ones.
    Moved from_memory(unsigned channel, std::span<u8> bytes);

    void visit(auto&& archive) {
        for (Channel& channel : channels_) {
            archive("dma.base_address", channel.base_address), archive("dma.base_count", channel.base_count);
            archive("dma.address", channel.address), archive("dma.count", channel.count);
            archive("dma.mode", channel.mode.raw);
            archive("dma.page", channel.page), archive("dma.high_page", channel.high_page);
        }
        for (Controller& controller : controllers_) {
            archive("dma.command", controller.command.raw), archive("dma.masks", controller.masks);
            archive("dma.status", controller.terminal_counts), archive("dma.second_byte", controller.second_byte);
        }
        archive("dma.other_pages", other_pages_);
    }

private:
    struct Mode : Reg<Mode, u8> {
        using Transfer = Field<3, 2>; // 0 verify, 1 to memory, 2 from memory
        using AutoInit = Field<4>;
        using Down = Field<5>;
    };
    struct Command : Reg<Command, u8> {
        using Disabled = Field<2>;
    };
    enum Transfer : u8 { verify = 0, into_memory = 1, out_of_memory = 2 };
    struct Channel {
        u16 base_address{}, base_count{};
        u16 address{}, count{}; // the count is one less than the transfers that are left
        Mode mode{};
        u8 page{}, high_page{};
    };
    struct Controller {
        Command command{};
        u8 masks{0xf};
        u8 terminal_counts{};
        bool second_byte{}; // the flip-flop
    };
    /// One controller's registers; the second one's lie two ports apart.
    class Ports final : public PortDevice {
    public:
        Ports(Dma8237& chip, unsigned number) : chip_{chip}, number_{number} {}
        u8 read(u16 offset) override { return chip_.read(number_, static_cast<u16>(offset >> number_)); }
        void write(u16 offset, u8 value) override { chip_.write(number_, static_cast<u16>(offset >> number_), value); }

    private:
        Dma8237& chip_;
        unsigned number_;
    };
    class Pages final : public PortDevice {
    public:
        Pages(Dma8237& chip, u8 Channel::*field, unsigned first) : chip_{chip}, field_{field}, first_{first} {}
        u8 read(u16 offset) override { return page(offset); }
        void write(u16 offset, u8 value) override { page(offset) = value; }

    private:
        u8& page(u16 offset);
        Dma8237& chip_;
        u8 Channel::*field_;
        unsigned first_; // place of the registers that belong to no channel
    };

    u8 read(unsigned controller, u16 index);
    void write(unsigned controller, u16 index, u8 value);
    void write_control(Controller& controller, unsigned first_channel, u16 index, u8 value);
    Channel const& channel(unsigned number) const { return channels_[number % channels_.size()]; }
    static unsigned width(unsigned channel) { return channel % 8 >= 4 ? 2 : 1; }
    u64 address_of(unsigned channel) const;
    template <class Bytes, class Move> Moved move(unsigned channel, Bytes bytes, Transfer transfer, Move move_bytes);

    DmaMemory& memory_;
    std::array<Channel, 8> channels_{};
    std::array<Controller, 2> controllers_{};
    std::array<u8, 32> other_pages_{};
    Ports first_{*this, 0}, second_{*this, 1};
    Pages pages_{*this, &Channel::page, 0}, high_pages_{*this, &Channel::high_page, 16};
};

} // namespace ring3
