// Ports that keep what is written to them and do nothing else: chips of which only the registers are modelled.
//
// On this board: the 8237 DMA controllers and their page registers (no ISA device here does DMA), among which lies port 80h,
// where firmware leaves its progress codes.
#pragma once

#include "monitor/devices/bus/port_bus.h"

#include <array>

namespace ring3 {

template <u16 Count> class RegisterFile final : public PortDevice {
public:
    u8 read(u16 offset) override { return bytes_[offset % Count]; }
    void write(u16 offset, u8 value) override { bytes_[offset % Count] = value; }
    void reset() { bytes_ = {}; }
    void visit(auto&& archive) { archive("registers", bytes_); }

private:
    std::array<u8, Count> bytes_{};
};

/// 8237A data sheet (231466); channel registers do not count, status reads as written.
struct DmaPorts {
    static constexpr PortRange first_controller{0x00, 0x10};
    static constexpr PortRange second_controller{0xc0, 0x20};
    static constexpr PortRange pages{0x80, 0x10}; // 80h: POST codes
};

} // namespace ring3
