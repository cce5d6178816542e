// One of the three counters of the 8254, as a function of virtual time.
//
// Nothing ticks. A counter remembers the tick at which it was loaded (`start_`) and with what; count, output pin and the
// next rise of the output follow from the present tick. A count written while modes 2 and 3 run waits in `next_` until
// the period (mode 3: half period) ends; settle() makes up for such moments that have passed.
//
//     write   load (next tick)                 mode 2, N = 4        mode 3, N = 4
//       |      |                               __     ______        ____      ____
//       v      v                        OUT      \___/      \__         \____/
//              start_                   e      0  1  2  3  0         0  1  2  3  0
#pragma once

#include "base/reg.h"

#include <optional>

namespace ring3 {

class PitCounter {
public:
    /// The control word without its counter number (8254 data sheet, figure 7).
    struct Control : Reg<Control, u8> {
        using BCD = Field<0>;
        using Mode = Field<3, 1>; // 6 and 7 mean 2 and 3
        using RW = Field<5, 4>;   // 1: low byte, 2: high byte, 3: low then high
    };

    void write_control(Control control);
    void write(u8 value, u64 tick);
    u8 read(u64 tick);
    void latch_count(u64 tick);
    void latch_status(u64 tick);
    void set_gate(bool high, u64 tick);

    /// The OUT pin.
    bool output(u64 tick);
    /// The first tick after `tick` at which OUT rises, if it will without anybody's doing.
    std::optional<u64> next_rise(u64 tick);
    /// How many ticks lie between rises in the periodic modes; 0 in the others.
    u64 period() const { return mode() == 2 || mode() == 3 ? count_ : 0; }

    void visit(auto&& archive) {
        archive("counter.control", control_.raw);
        archive("counter.start", start_);
        archive("counter.frozen", frozen_);
        archive("counter.count", count_);
        archive("counter.next", next_);
        archive("counter.boundary", boundary_);
        archive("counter.next_start", next_start_);
        archive("counter.latched_count", latched_count_);
        archive("counter.latched_bytes", latched_bytes_);
        archive("counter.latched_status", latched_status_);
        archive("counter.status_latched", status_latched_);
        archive("counter.low_byte", low_byte_);
        archive("counter.write_high", write_high_);
        archive("counter.read_high", read_high_);
        archive("counter.gate", gate_);
        archive("counter.state", state_);
    }

private:
    enum class State : u8 {
        idle,    // a control word, but no count or no trigger yet
        frozen,  // the gate is low, or half a count is written: `frozen_` ticks have been counted
        running, // since start_
    };

    unsigned mode() const { return control_.get<Control::Mode>() & (control_.get<Control::Mode>() >= 4 ? 7 : 3); }
    bool triggered_by_gate() const { return mode() == 1 || mode() == 5; }
    bool periodic() const { return mode() == 2 || mode() == 3; }
    static u64 high_half(u64 count) { return (count + 1) / 2; }
    bool started(u64 tick) const { return static_cast<i64>(tick - start_) >= 0; }
    u64 elapsed(u64 tick) const;
    void settle(u64 tick);
    void load(u64 count, u64 tick);
    void count_written(u16 value, u64 tick);
    void wait_for_boundary(u64 count, u64 tick);
    u16 count_now(u64 tick);
    u64 periodic_count(u64 e) const;
    u8 status(u64 tick);

    Control control_{{0x36}}; // mode 3, OUT high, as firmware leaves counter 0
    u64 start_{};             // tick at which the counting element held `count_`
    u64 frozen_{};            // ticks counted before the gate fell
    u64 count_{0x1'0000};
    u64 next_{};       // a count that waits for a reload or a trigger; 0: none
    u64 boundary_{};   // modes 2, 3: the tick at which next_ is taken ...
    u64 next_start_{}; // ... and what start_ is then
    u16 latched_count_{};
    u8 latched_bytes_{}; // how many bytes of it are still to be read
    u8 latched_status_{};
    bool status_latched_{};
    u8 low_byte_{};
    bool write_high_{}, read_high_{};
    bool gate_{true};
    State state_{State::idle};
};

} // namespace ring3
