#include "monitor/devices/mc146818.h"

#include <algorithm>

namespace ring3 {

using namespace std::chrono;

namespace {
// Data sheet, "Update cycle": UIP rises 244 us before the update, which takes 1,984 us with a 32,768 Hz crystal.
constexpr Nanoseconds update_window = 244'000 + 1'984'000;
// The first update comes half a second after the divider leaves reset.
constexpr Nanoseconds half_second = Frequency::second / 2;
} // namespace

Mc146818::Mc146818(TimerQueue& timers, Line& irq8, i64 epoch)
    : timers_{timers}, irq8_{irq8}, second_start_{timers.now()}, timer_{timers, [this] { catch_up(); }} {
    cmos_[register_a] = 0x26; // 32,768 Hz, 1,024 Hz periodic: as firmware leaves it
    cmos_[register_b] = 0x02; // 24 hours, BCD
    cmos_[register_d] = 0x80; // valid RAM and time
    // The registers hold a year of two digits and a century of two: 0000 .. 9999.
    constexpr i64 first = -62'167'219'200, last = 253'402'300'799;
    set_time(sys_seconds{std::chrono::seconds{std::clamp(epoch, first, last)}});
}

u8 Mc146818::read(u16 offset) {
    return offset == 0 ? 0xff : read_register(); // the index port is write-only
}

void Mc146818::write(u16 offset, u8 value) {
    if (offset != 0) return write_register(value);
    index_ = value & 0x7f;
    nmi_masked_ = (value & 0x80) != 0;
}

u8 Mc146818::read_register() {
    catch_up();
    switch (index_) {
    case register_a: return a().with<A::UIP>(update_in_progress()).raw;
    case register_c: {
        u8 const flags = cmos_[register_c];
        cmos_[register_c] = 0;
        update_irq();
        return flags;
    }
    default: return cmos_[index_];
    }
}

void Mc146818::write_register(u8 value) {
    catch_up();
    switch (index_) {
    case register_a: write_a({{value}}); break;
    case register_b: write_b({{value}}); break;
    case register_c:
    case register_d: return; // read-only
    default: cmos_[index_] = value;
    }
    arm();
}

void Mc146818::write_a(A value) {
    bool const ran = divider_runs();
    cmos_[register_a] = value.with<A::UIP>(0).raw;
    if (!ran && divider_runs()) second_start_ = timers_.now() - std::min(timers_.now(), half_second);
    u64 const period = period_ticks();
    periods_seen_ = period ? crystal.ticks(timers_.now()) / period : 0;
}

/// SET freezes the registers and clears UIE; when it goes, the second that was frozen begins its count anew.
void Mc146818::write_b(B value) {
    bool const ran = clock_runs();
    if (value.has<B::SET>()) value = value.with<B::UIE>(0);
    cmos_[register_b] = value.raw;
    if (!ran && clock_runs()) {
        // The divider chain went on below the registers: keep its phase.
        second_start_ += (timers_.now() - second_start_) / Frequency::second * Frequency::second;
    }
    update_irq();
}

/// Data sheet, table 5, for 32,768 Hz: rates 1 and 2 repeat 8 and 9.
u64 Mc146818::period_ticks() const {
    unsigned const rate = a().get<A::RS>();
    if (rate == 0 || !divider_runs()) return 0;
    return u64{1} << (rate <= 2 ? rate + 6 : rate - 1);
}

bool Mc146818::update_in_progress() const {
    return clock_runs() && timers_.now() - second_start_ >= Frequency::second - update_window;
}

// ---- register formats

u8 Mc146818::encode(unsigned value) const {
    return static_cast<u8>(b().has<B::DM>() ? value : value / 10 << 4 | value % 10);
}

unsigned Mc146818::decode(u8 value) const {
    return b().has<B::DM>() ? value : (value >> 4) * 10u + (value & 15u);
}

u8 Mc146818::encode_hour(unsigned hour) const {
    if (b().has<B::H24>()) return encode(hour);
    return static_cast<u8>(encode(hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80 : 0));
}

unsigned Mc146818::decode_hour(u8 value) const {
    if (b().has<B::H24>()) return decode(value);
    return decode(value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

/// The time that the registers show; values out of range (a guest may write any) carry into the next field.
sys_seconds Mc146818::time() const {
    int const y = static_cast<int>(decode(cmos_[century]) * 100 + decode(cmos_[year]));
    unsigned const m = std::clamp(decode(cmos_[month]), 1u, 12u);
    sys_days const first = std::chrono::year{y} / std::chrono::month{m} / 1;
    return first + days{static_cast<int>(decode(cmos_[day_of_month])) - 1} +
           std::chrono::hours{decode_hour(cmos_[hours])} + std::chrono::minutes{decode(cmos_[minutes])} +
           std::chrono::seconds{decode(cmos_[seconds])};
}

void Mc146818::set_time(sys_seconds time) {
    auto const day = floor<days>(time);
    year_month_day const date{day};
    hh_mm_ss const clock{time - day};
    auto const y = static_cast<unsigned>(static_cast<int>(date.year())) % 10'000;
    cmos_[seconds] = encode(static_cast<unsigned>(clock.seconds().count()));
    cmos_[minutes] = encode(static_cast<unsigned>(clock.minutes().count()));
    cmos_[hours] = encode_hour(static_cast<unsigned>(clock.hours().count()));
    cmos_[day_of_week] = encode(weekday{day}.c_encoding() + 1);
    cmos_[day_of_month] = encode(static_cast<unsigned>(date.day()));
    cmos_[month] = encode(static_cast<unsigned>(date.month()));
    cmos_[year] = encode(y % 100);
    cmos_[century] = encode(y / 100);
}

/// Would the alarm have gone off in one of these seconds? Alarm bytes C0h..FFh match anything.
bool Mc146818::alarm_between(sys_seconds after, sys_seconds until) const {
    auto const matches = [](u8 alarm, u8 now) { return alarm >= 0xc0 || alarm == now; };
    auto const span = std::min<i64>((until - after).count(), 86'400); // a day holds every combination
    for (i64 i = 0; i < span; ++i) {
        hh_mm_ss const clock{(until - std::chrono::seconds{i}) - floor<days>(until - std::chrono::seconds{i})};
        if (matches(cmos_[seconds_alarm], encode(static_cast<unsigned>(clock.seconds().count()))) &&
            matches(cmos_[minutes_alarm], encode(static_cast<unsigned>(clock.minutes().count()))) &&
            matches(cmos_[hours_alarm], encode_hour(static_cast<unsigned>(clock.hours().count()))))
            return true;
    }
    return false;
}

// ---- the passage of time

void Mc146818::catch_up() {
    catch_up_seconds();
    catch_up_periods();
    arm();
}

void Mc146818::catch_up_seconds() {
    if (!clock_runs()) return;
    u64 const passed = (timers_.now() - second_start_) / Frequency::second;
    if (passed == 0) return;
    second_start_ += passed * Frequency::second;
    auto const before = time();
    auto const after = before + std::chrono::seconds{static_cast<i64>(passed)};
    set_time(after);
    C flags = C{}.with<C::UF>(1);
    if (alarm_between(before, after)) flags = flags.with<C::AF>(1);
    raise(flags);
}

void Mc146818::catch_up_periods() {
    u64 const period = period_ticks();
    if (!period) return;
    u64 const edges = crystal.ticks(timers_.now()) / period;
    if (edges != periods_seen_) raise(C{}.with<C::PF>(1));
    periods_seen_ = edges;
}

void Mc146818::raise(C flags) {
    cmos_[register_c] |= flags.raw;
    update_irq();
}

/// Data sheet, "Register C": IRQF = PF & PIE | AF & AIE | UF & UIE; the flags and the enables share their bit numbers.
void Mc146818::update_irq() {
    C const c{{cmos_[register_c]}};
    bool const asserted = (c.raw & b().raw & mask_of<C::UF, C::AF, C::PF>()) != 0;
    cmos_[register_c] = c.with<C::IRQF>(asserted).raw;
    irq8_.set(asserted);
}

/// A timer is needed only for what can interrupt; all else is made up for when somebody reads.
void Mc146818::arm() {
    Nanoseconds next = Timer::never;
    if (clock_runs() && (b().has<B::UIE>() || b().has<B::AIE>())) next = second_start_ + Frequency::second;
    if (u64 const period = period_ticks(); period && b().has<B::PIE>())
        next = std::min(next, crystal.time_of((periods_seen_ + 1) * period));
    timer_.arm(next);
}

void Mc146818::reset() {
    catch_up();
    cmos_[register_b] = b().with<B::UIE>(0).with<B::AIE>(0).with<B::PIE>(0).raw;
    cmos_[register_c] = 0;
    update_irq();
    arm();
}

} // namespace ring3
