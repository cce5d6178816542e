// The PIIX3's IDE interface: PCI function 1, two channels at their places of old, one bus master for both.
//
// Models: identity, BAR 4 (the bus master's ports), bus master enable, the timing registers as memory.
// Missing: native mode; the timing registers' IDE decode enable bits are as firmware leaves them and change nothing.
// Source: 82371SB data sheet (290550) 2.3, 2.7.
#pragma once

#include "monitor/devices/ide_channel.h"
#include "monitor/devices/pci_function.h"

namespace ring3 {

class PiixIde final : public PciFunction {
public:
    static constexpr unsigned channel_count = 2;
    static constexpr PortRange command_ports[channel_count] = {{0x1f0, IdeChannel::command_ports},
                                                               {0x170, IdeChannel::command_ports}};
    static constexpr PortRange control_ports[channel_count] = {{0x3f6, IdeChannel::control_ports},
                                                               {0x376, IdeChannel::control_ports}};

    PiixIde(DmaMemory& memory, Line& primary_irq, Line& secondary_irq);

    IdeChannel& channel(unsigned number) { return channels_[number % channel_count]; }
    void reset() override;

    void visit(auto&& archive) {
        for (IdeChannel& channel : channels_) channel.visit(archive);
        PciFunction::visit(archive);
    }

private:
    static constexpr unsigned bus_master_bar = 4;
    static constexpr u8 primary_timing = 0x40, secondary_timing = 0x42, slave_timing = 0x44;

    /// BAR 4: both channels' bus masters, eight ports each.
    class BusMasterPorts final : public PortDevice {
    public:
        explicit BusMasterPorts(PiixIde& ide) : ide_{ide} {}
        u8 read(u16 offset) override { return static_cast<u8>(read_wide(offset, 1)); }
        void write(u16 offset, u8 value) override { write_wide(offset, value, 1); }
        u32 read_wide(u16 offset, unsigned bytes) override;
        void write_wide(u16 offset, u32 value, unsigned bytes) override;

    private:
        PiixIde& ide_;
    };

    void config_written(u8 offset, unsigned bytes) override;

    std::array<IdeChannel, channel_count> channels_;
    BusMasterPorts bus_master_ports_{*this};
};

} // namespace ring3
