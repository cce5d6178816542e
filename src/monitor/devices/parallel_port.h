// A standard parallel port with a printer behind it.
//
// Models: data, status and control registers, strobe, busy, acknowledge with IRQ 7.
// Missing: bidirectional, EPP and ECP modes (control bit 5 is kept); paper never runs out.
// Source: IEEE 1284-1994, compatibility mode; IBM PC/AT Technical Reference, "Parallel printer adapter".
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/outside.h"
#include "monitor/devices/bus/port_bus.h"

namespace ring3 {

class ParallelPort final : public PortDevice {
public:
    static constexpr u16 port_count = 3;

    ParallelPort(TimerQueue& timers, Line& irq, CharSink& sink)
        : timers_{timers}, irq_{irq}, sink_{sink}, retry_{timers, [this] { try_to_send(); }} {}

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    void reset();

    void visit(auto&& archive) {
        archive("lpt.data", data_);
        archive("lpt.control", control_.raw);
        archive("lpt.strobed", strobed_);
        archive("lpt.busy", busy_);
        visit_timer(archive, "lpt.retry", retry_);
    }

private:
    struct Status : Reg<Status, u8> {
        using NotError = Field<3>;
        using Selected = Field<4>;
        using PaperOut = Field<5>;
        using NotAck = Field<6>;
        using NotBusy = Field<7>;
    };
    struct Control : Reg<Control, u8> {
        using Strobe = Field<0>;
        using AutoFeed = Field<1>;
        using NotInit = Field<2>;
        using Select = Field<3>;
        using IrqEnable = Field<4>;
        using Direction = Field<5>;
    };
    void write_control(Control value);
    void try_to_send();

    static constexpr Nanoseconds retry_interval = 1'000'000;
    TimerQueue& timers_;
    Line& irq_;
    CharSink& sink_;
    u8 data_{};
    u8 strobed_{}; // the character that the printer has not taken yet
    bool busy_{};
    Control control_{{0x0c}};
    Timer retry_;
};

} // namespace ring3
