#include "monitor/devices/acpi_pm.h"

namespace ring3 {

namespace {

/// TMR_STS is set whenever the timer's highest bit changes, in either direction.
constexpr u64 half_turn = u64{1} << (AcpiPm::timer_bits - 1);

constexpr u16 with_byte(u16 word, unsigned index, u8 byte) {
    return static_cast<u16>(index == 0 ? (word & 0xff00) | byte : (word & 0x00ff) | byte << 8);
}

} // namespace

AcpiPm::AcpiPm(TimerQueue& timers, Line& sci, PowerSwitch& power)
    : timers_{timers}, sci_{sci}, power_{power}, timer_{timers, [this] { catch_up(); }} {}

u8 AcpiPm::read(u16 offset) {
    catch_up();
    return byte_at(offset, timer_count());
}

/// The clock is read once, so that the timer's bytes belong together: a count that seems to go backwards later is a turn
/// of 4.7 s for a guest that extends it, as firmware does for its time-outs.
u32 AcpiPm::read_wide(u16 offset, unsigned bytes) {
    catch_up();
    u32 const count = timer_count();
    u32 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u32{byte_at(static_cast<u16>(offset + i), count)} << (8 * i);
    return value;
}

u8 AcpiPm::byte_at(u16 offset, u32 count) const {
    unsigned const shift = offset % 2 * 8;
    switch (offset / 2) {
    case 0: return static_cast<u8>(status_.raw >> shift);
    case 1: return static_cast<u8>(enable_.raw >> shift);
    case 2: return static_cast<u8>(control_.raw >> shift);
    case 4:
    case 5: return static_cast<u8>(count >> (offset - 8) * 8);
    case 6: return static_cast<u8>(gpe_status_ >> shift);
    case 7: return static_cast<u8>(gpe_enable_ >> shift);
    default: return 0;
    }
}

void AcpiPm::write(u16 offset, u8 value) {
    catch_up();
    unsigned const index = offset % 2;
    switch (offset / 2) {
    case 0: status_.raw &= static_cast<u16>(~(value << 8 * index)); break; // write 1 to clear
    case 1: {
        constexpr u64 events = mask_of<Event::TMR, Event::GBL, Event::PWRBTN, Event::RTC>();
        enable_.raw = static_cast<u16>(with_byte(enable_.raw, index, value) & events);
        break;
    }
    case 2: write_control({{with_byte(control_.raw, index, value)}}); break;
    case 6: gpe_status_ &= static_cast<u16>(~(value << 8 * index)); break;
    case 7: gpe_enable_ = with_byte(gpe_enable_, index, value); break;
    default: break; // the timer and the holes are read-only
    }
    catch_up();
    update_sci();
}

/// SLP_EN is write-only and acts at once (ACPI 4.8.3.2.1).
void AcpiPm::write_control(Control value) {
    constexpr u64 kept = mask_of<Control::SCI_EN, Control::BM_RLD, Control::SLP_TYP>();
    control_.raw = static_cast<u16>(value.raw & kept);
    if (value.has<Control::SLP_EN>() && value.get<Control::SLP_TYP>() == sleep_type_s5) power_.power_off();
}

void AcpiPm::press_power_button() {
    status_ = status_.with<Event::PWRBTN>(1);
    update_sci();
}

void AcpiPm::smi_command(u8 command) {
    if (command == enable_command) control_ = control_.with<Control::SCI_EN>(1);
    if (command == disable_command) control_ = control_.with<Control::SCI_EN>(0);
    update_sci();
}

void AcpiPm::catch_up() {
    u64 const overflows = frequency.ticks(timers_.now()) / half_turn;
    if (overflows != overflows_seen_) status_ = status_.with<Event::TMR>(1);
    overflows_seen_ = overflows;
    timer_.arm(enable_.has<Event::TMR>() ? frequency.time_of((overflows + 1) * half_turn) : Timer::never);
    update_sci();
}

void AcpiPm::update_sci() {
    bool const event = (status_.raw & enable_.raw) != 0 || (gpe_status_ & gpe_enable_) != 0;
    sci_.set(event && control_.has<Control::SCI_EN>());
}

void AcpiPm::reset() {
    status_ = enable_ = {};
    control_ = {};
    gpe_status_ = gpe_enable_ = 0;
    catch_up();
}

} // namespace ring3
