// Port 92h, "system control port A".
//
// Models: A20, hot reset (a rise of bit 0).  Missing: disk lights, password lock.
// Source: 82371SB PIIX3 data sheet (290550) 2.6.3, port 92h.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"

namespace ring3 {

class Port92 final : public PortDevice {
public:
    static constexpr PortRange ports{0x92, 1};

    Port92(Line& a20, Line& reset_pin) : a20_{a20}, reset_{reset_pin} {}
    u8 read(u16) override { return value_.raw; }
    void write(u16, u8 byte) override {
        Control const next{{byte}};
        bool const resets = next.has<Control::Reset>() && !value_.has<Control::Reset>();
        value_.raw = static_cast<u8>(byte & mask_of<Control::Reset, Control::A20>());
        a20_.set(next.has<Control::A20>());
        if (resets) reset_.pulse();
    }
    void reset() {
        value_ = {};
        a20_.set(false);
    }
    void visit(auto&& archive) { archive("port92.value", value_.raw); }

private:
    struct Control : Reg<Control, u8> {
        using Reset = Field<0>;
        using A20 = Field<1>;
    };
    Line& a20_;
    Line& reset_;
    Control value_{};
};

} // namespace ring3
