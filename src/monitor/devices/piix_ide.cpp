#include "monitor/devices/piix_ide.h"

namespace ring3 {

PiixIde::PiixIde(DmaMemory& memory, Line& primary_irq, Line& secondary_irq)
    : PciFunction{{0x8086, 0x7010, 0x01'0180, 0x00}}, // bus master, both channels in compatibility mode
      channels_{IdeChannel{memory, primary_irq}, IdeChannel{memory, secondary_irq}} {
    define_port_bar(bus_master_bar, channel_count * IdeBusMaster::port_count, bus_master_ports_);
    reset();
}

void PiixIde::reset() {
    PciFunction::reset();
    constexpr u32 decode_enabled = 0x8000;
    define(status, 0x0280, 2, 0);
    define(primary_timing, decode_enabled, 2, 0xffff);
    define(secondary_timing, decode_enabled, 2, 0xffff);
    define(slave_timing, 0, 1, 0xff);
    for (IdeChannel& channel : channels_) {
        channel.reset();
        channel.allow_bus_master(bus_master());
    }
}

void PiixIde::config_written(u8, unsigned) {
    for (IdeChannel& channel : channels_) channel.allow_bus_master(bus_master());
}

u32 PiixIde::BusMasterPorts::read_wide(u16 offset, unsigned bytes) {
    u16 const within = offset % IdeBusMaster::port_count;
    if (within + bytes > IdeBusMaster::port_count) return PortDevice::read_wide(offset, bytes);
    return ide_.channel(offset / IdeBusMaster::port_count).read_bus_master(within, bytes);
}

void PiixIde::BusMasterPorts::write_wide(u16 offset, u32 value, unsigned bytes) {
    u16 const within = offset % IdeBusMaster::port_count;
    if (within + bytes > IdeBusMaster::port_count) return PortDevice::write_wide(offset, value, bytes);
    ide_.channel(offset / IdeBusMaster::port_count).write_bus_master(within, value, bytes);
}

} // namespace ring3
