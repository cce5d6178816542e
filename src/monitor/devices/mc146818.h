// Motorola MC146818 real-time clock with 128 bytes of CMOS memory.
//
// Models: time, date and alarm in BCD or binary, 12 or 24 hours; SET, UIP; periodic, alarm and update-ended interrupts on
//         IRQ 8; the century byte that PC firmware keeps at 32h; the NMI mask in bit 7 of the index port.
// Missing: daylight saving (register B bit 0 is kept and ignored), the square-wave pin, time bases other than 32,768 Hz.
// Source: MC146818A data sheet (ADI-1017); PIIX data sheets for the ports 70h and 71h.
//
// Nothing ticks: the time registers hold the second that began at `second_start_`; catch_up() carries them on to now.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/frequency.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>
#include <chrono>

namespace ring3 {

class Mc146818 final : public PortDevice {
public:
    static constexpr PortRange ports{0x70, 2};

    /// `epoch`: what the clock shows at power-on, in seconds since 1970 as the guest is to read it (UTC or local time).
    Mc146818(TimerQueue& timers, Line& irq8, i64 epoch);

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;

    /// For the board: what firmware leaves in the CMOS. Indexes 0Eh..7Fh.
    void set_cmos(u8 index, u8 value) { cmos_[index % cmos_.size()] = value; }
    u8 cmos(u8 index) const { return cmos_[index % cmos_.size()]; }
    bool nmi_masked() const { return nmi_masked_; }
    /// Time that has passed elsewhere: the clock shows that much more.
    void skip(Nanoseconds time) {
        second_start_ -= time; // below zero it wraps, and catch_up() wraps it back
        catch_up();
    }
    /// RESET#: interrupts off; time and CMOS live on the battery.
    void reset();

    void visit(auto&& archive) {
        archive("rtc.cmos", cmos_);
        archive("rtc.index", index_);
        archive("rtc.nmi_masked", nmi_masked_);
        archive("rtc.second_start", second_start_);
        archive("rtc.periods_seen", periods_seen_);
        visit_timer(archive, "rtc.timer", timer_);
    }

private:
    enum Index : u8 {
        seconds = 0x00,
        seconds_alarm = 0x01,
        minutes = 0x02,
        minutes_alarm = 0x03,
        hours = 0x04,
        hours_alarm = 0x05,
        day_of_week = 0x06,
        day_of_month = 0x07,
        month = 0x08,
        year = 0x09,
        register_a = 0x0a,
        register_b = 0x0b,
        register_c = 0x0c,
        register_d = 0x0d,
        century = 0x32,
    };
    struct A : Reg<A, u8> {
        using RS = Field<3, 0>;
        using DV = Field<6, 4>;
        using UIP = Field<7>;
    };
    struct B : Reg<B, u8> {
        using H24 = Field<1>; // "24/12"
        using DM = Field<2>;
        using UIE = Field<4>;
        using AIE = Field<5>;
        using PIE = Field<6>;
        using SET = Field<7>;
    };
    struct C : Reg<C, u8> {
        using UF = Field<4>;
        using AF = Field<5>;
        using PF = Field<6>;
        using IRQF = Field<7>;
    };

    A a() const { return {{cmos_[register_a]}}; }
    B b() const { return {{cmos_[register_b]}}; }
    bool divider_runs() const { return a().get<A::DV>() < 6; }
    bool clock_runs() const { return divider_runs() && !b().has<B::SET>(); }
    u64 period_ticks() const;
    bool update_in_progress() const;

    u8 encode(unsigned value) const;
    unsigned decode(u8 value) const;
    u8 encode_hour(unsigned hour) const;
    unsigned decode_hour(u8 value) const;
    std::chrono::sys_seconds time() const;
    void set_time(std::chrono::sys_seconds time);
    bool alarm_between(std::chrono::sys_seconds after, std::chrono::sys_seconds until) const;

    u8 read_register();
    void write_register(u8 value);
    void write_a(A value);
    void write_b(B value);
    void catch_up();
    void catch_up_seconds();
    void catch_up_periods();
    void raise(C flags);
    void update_irq();
    void arm();

    static constexpr Frequency crystal{32'768};
    TimerQueue& timers_;
    Line& irq8_;
    std::array<u8, 128> cmos_{};
    u8 index_{};
    bool nmi_masked_{};
    Nanoseconds second_start_{}; // when the second that the registers show began
    u64 periods_seen_{};         // periodic edges up to this one are in PF or were read
    Timer timer_;
};

} // namespace ring3
