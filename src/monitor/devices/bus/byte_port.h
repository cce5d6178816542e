// One byte-wide port that leads to two member functions of its chip: for chips whose registers lie at scattered ports.
#pragma once

#include "monitor/devices/bus/port_bus.h"

namespace ring3 {

/// `BytePort<I8042, &I8042::read_status, &I8042::write_command>{chip}`.
template <class Chip, u8 (Chip::*Read)(), void (Chip::*Write)(u8)> class BytePort final : public PortDevice {
public:
    explicit BytePort(Chip& chip) : chip_{chip} {}
    u8 read(u16) override { return (chip_.*Read)(); }
    void write(u16, u8 value) override { (chip_.*Write)(value); }

private:
    Chip& chip_;
};

} // namespace ring3
