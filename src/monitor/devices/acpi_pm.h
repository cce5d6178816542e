// ACPI power management as the PIIX4 has it: PM timer, PM1 event and control block, a GPE block, the SMI command port.
//
// Models: 24-bit PM timer with its overflow status, power button, SCI (level, by SCI_EN), S5 by SLP_TYP 0, ACPI enable and
//         disable through port B2h, one 16-bit GPE block.
// Missing: SMIs (there is no SMM: with SCI_EN clear, events are only recorded), sleeping states other than S5, throttling.
// Source: 82371AB PIIX4 data sheet (290562) chapter 7; ACPI 6.4 sections 4.8.2-4.8.4.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/archive.h"
#include "monitor/devices/bus/frequency.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/outside.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>

namespace ring3 {

/// The I/O block at the PM base: PM1 status +0, enable +2, control +4, timer +8, GPE status +0Ch, enable +0Eh.
class AcpiPm final : public PortDevice {
public:
    static constexpr u16 port_count = 0x40;
    static constexpr Frequency frequency{3'579'545};
    static constexpr unsigned timer_bits = 24;
    static constexpr u8 sleep_type_s5 = 0;
    static constexpr u8 enable_command = 0xf1, disable_command = 0xf0;

    AcpiPm(TimerQueue& timers, Line& sci, PowerSwitch& power);

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    u32 read_wide(u16 offset, unsigned bytes) override;

    /// Somebody presses the button: a fixed event (ACPI 4.8.2.2.1).
    void press_power_button();
    /// Writes to the SMI command port that the firmware's handler would act on.
    void smi_command(u8 command);
    void reset();

    void visit(auto&& archive) {
        archive("pm.status", status_.raw);
        archive("pm.enable", enable_.raw);
        archive("pm.control", control_.raw);
        archive("pm.gpe_status", gpe_status_);
        archive("pm.gpe_enable", gpe_enable_);
        archive("pm.overflows_seen", overflows_seen_);
        visit_timer(archive, "pm.timer", timer_);
    }

private:
    /// PM1_STS and PM1_EN share their bit numbers (ACPI tables 4.11, 4.12).
    struct Event : Reg<Event, u16> {
        using TMR = Field<0>;
        using BM = Field<4>;
        using GBL = Field<5>;
        using PWRBTN = Field<8>;
        using RTC = Field<10>;
        using WAK = Field<15>;
    };
    struct Control : Reg<Control, u16> {
        using SCI_EN = Field<0>;
        using BM_RLD = Field<1>;
        using GBL_RLS = Field<2>;
        using SLP_TYP = Field<12, 10>;
        using SLP_EN = Field<13>;
    };
    u32 timer_count() const { return static_cast<u32>(frequency.ticks(timers_.now()) & ((u64{1} << timer_bits) - 1)); }
    u8 byte_at(u16 offset, u32 count) const;
    void write_control(Control value);
    void catch_up();
    void update_sci();

    TimerQueue& timers_;
    Line& sci_;
    PowerSwitch& power_;
    Event status_{}, enable_{};
    Control control_{};
    u16 gpe_status_{}, gpe_enable_{};
    u64 overflows_seen_{};
    Timer timer_;
};

/// Ports B2h (command) and B3h (status): PIIX4's APMC and APMS.
class SmiCommandPort final : public PortDevice {
public:
    static constexpr PortRange ports{0xb2, 2};
    explicit SmiCommandPort(AcpiPm& pm) : pm_{pm} {}
    u8 read(u16 offset) override { return latches_[offset % 2]; }
    void write(u16 offset, u8 value) override {
        latches_[offset % 2] = value;
        if (offset == 0) pm_.smi_command(value);
    }
    void reset() { latches_ = {}; }
    void visit(auto&& archive) { archive("smi.latches", latches_); }

private:
    AcpiPm& pm_;
    std::array<u8, 2> latches_{};
};

} // namespace ring3
