// One of several port ranges of a device that counts its offsets from a common base.
#pragma once

#include "monitor/devices/bus/port_bus.h"

namespace ring3 {

class PortWindow final : public PortDevice {
public:
    PortWindow(PortDevice& device, u16 base) : device_{device}, base_{base} {}
    u8 read(u16 offset) override { return device_.read(static_cast<u16>(base_ + offset)); }
    void write(u16 offset, u8 value) override { device_.write(static_cast<u16>(base_ + offset), value); }

private:
    PortDevice& device_;
    u16 base_;
};

} // namespace ring3
