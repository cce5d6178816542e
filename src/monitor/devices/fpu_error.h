// The PC's coprocessor error logic: FERR# becomes IRQ 13, and the handler's write to port F0h takes it back.
//
// Models: the IRQ 13 latch, ports F0h and F1h, IGNNE#.
// Source: 82371SB PIIX3 data sheet (290550) 2.6.4 (coprocessor error register); SDM 1 8.7.2 "MS-DOS compatibility".
#pragma once

#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"

namespace ring3 {

class FpuError final : public PortDevice {
public:
    static constexpr PortRange ports{0xf0, 2};

    explicit FpuError(Line& irq13) : irq13_{irq13} {}
    void set_ferr(bool raised) {
        if (raised == ferr_) return;
        ferr_ = raised;
        ignne_ = false;
        irq13_.set(raised);
    }
    /// The processor may go on with floating point although the error still stands.
    bool ignne() const { return ignne_; }

    u8 read(u16) override { return 0xff; }
    void write(u16, u8) override {
        ignne_ = ferr_;
        irq13_.set(false);
    }
    void reset() { set_ferr(false); }
    void visit(auto&& archive) {
        archive("fpu.ferr", ferr_);
        archive("fpu.ignne", ignne_);
    }

private:
    Line& irq13_;
    bool ferr_{}, ignne_{};
};

} // namespace ring3
