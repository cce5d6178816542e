// Intel 8254 programmable interval timer, and port 61h beside it.
//
// Models: three counters in all six modes, binary and BCD, latch and read-back commands, gate of counter 2; system control
//         port B (61h): gate and OUT of counter 2, speaker enable, refresh toggle.
// Missing: the speaker's sound; NMI sources of port 61h (no parity, no channel check).
// Source: 8254 data sheet (231164); PIIX3 data sheet (290550) 2.6.1 (NMISC, port 61h).
//
// Counter 0 drives IRQ 0. Catch-up: when the monitor is late (the host ran something else), the edges that have passed
// meanwhile are not dropped: they follow at twice the programmed rate, one at a time, until none is owed. What would
// take longer than a second is given up and counted in lost_ticks(). Edges on a line that the guest leaves unserved merge
// in the 8259A, as on the real board.
#pragma once

#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/frequency.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"
#include "monitor/devices/pit_counter.h"

#include <array>

namespace ring3 {

class Pit8254 final : public PortDevice {
public:
    static constexpr PortRange ports{0x40, 4};
    static constexpr Frequency frequency{1'193'182};

    Pit8254(TimerQueue& timers, Line& irq0);

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;

    void set_gate2(bool high) { counters_[2].set_gate(high, tick()); }
    bool output2() { return counters_[2].output(tick()); }
    u64 lost_ticks() const { return lost_; }
    void reset();

    void visit(auto&& archive) {
        for (auto& counter : counters_) counter.visit(archive);
        archive("pit.edges_seen_until", seen_);
        archive("pit.owed", owed_);
        archive("pit.lost", lost_);
        visit_timer(archive, "pit.timer", timer_);
    }

private:
    u64 tick() const { return frequency.ticks(timers_.now()); }
    void read_back(u8 command);
    void expired();
    void reprogrammed();
    void arm();

    TimerQueue& timers_;
    Line& irq0_;
    std::array<PitCounter, 3> counters_;
    u64 seen_{}; // rises of OUT0 up to this tick are delivered or owed
    u64 owed_{};
    u64 lost_{};
    Timer timer_;
};

/// System control port B.
class Port61 final : public PortDevice {
public:
    static constexpr PortRange ports{0x61, 1};

    Port61(Clock const& clock, Pit8254& pit) : clock_{clock}, pit_{pit} { reset(); }
    u8 read(u16) override {
        Control const shown = value_.with<Control::Refresh>(clock_.now() / refresh_period & 1);
        return shown.with<Control::Out2>(pit_.output2()).raw;
    }
    void write(u16, u8 value) override {
        value_.raw = static_cast<u8>(
            value & mask_of<Control::Gate2, Control::Speaker, Control::NoParity, Control::NoChannelCheck>());
        pit_.set_gate2(value_.has<Control::Gate2>());
    }
    void reset() { write(0, 0); }
    void visit(auto&& archive) { archive("port61.value", value_.raw); }

private:
    static constexpr Nanoseconds refresh_period = 15'085; // counter 1's historical programming
    struct Control : Reg<Control, u8> {
        using Gate2 = Field<0>;
        using Speaker = Field<1>;
        using NoParity = Field<2>;
        using NoChannelCheck = Field<3>;
        using Refresh = Field<4>;
        using Out2 = Field<5>;
    };
    Clock const& clock_;
    Pit8254& pit_;
    Control value_{};
};

} // namespace ring3
