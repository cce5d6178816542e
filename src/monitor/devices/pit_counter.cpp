#include "monitor/devices/pit_counter.h"

namespace ring3 {

namespace {

constexpr u16 from_bcd(u16 digits) {
    return static_cast<u16>((digits >> 12) * 1000 + (digits >> 8 & 15) * 100 + (digits >> 4 & 15) * 10 + (digits & 15));
}

constexpr u16 to_bcd(u16 value) {
    return static_cast<u16>(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10);
}

} // namespace

/// OUT goes to its initial level at once: low in mode 0, high in the others; counting waits for a count.
void PitCounter::write_control(Control control) {
    control_ = control;
    state_ = State::idle;
    next_ = 0;
    write_high_ = read_high_ = false;
    latched_bytes_ = 0;
    status_latched_ = false;
}

void PitCounter::write(u8 value, u64 tick) {
    settle(tick);
    switch (control_.get<Control::RW>()) {
    case 1: return count_written(value, tick);
    case 2: return count_written(static_cast<u16>(value << 8), tick);
    default: break;
    }
    if (write_high_) {
        write_high_ = false;
        return count_written(static_cast<u16>(value << 8 | low_byte_), tick);
    }
    low_byte_ = value;
    write_high_ = true;
    if (mode() == 0) state_ = State::idle; // "writing the first byte disables counting; OUT is set low immediately"
}

void PitCounter::count_written(u16 value, u64 tick) {
    bool const bcd = control_.has<Control::BCD>();
    u64 count = bcd ? from_bcd(value) : value;
    if (count == 0) count = bcd ? 10'000 : 0x1'0000;
    if (triggered_by_gate())
        next_ = count;
    else if (periodic() && state_ == State::running)
        wait_for_boundary(count, tick);
    else
        load(count, tick + 1);
}

/// Modes 2 and 3 finish the period, or half period, that is under way before they take a new count.
void PitCounter::wait_for_boundary(u64 count, u64 tick) {
    u64 const e = elapsed(tick) % count_;
    u64 const period_start = started(tick) ? tick - e : start_;
    next_ = count;
    if (mode() == 3 && e < high_half(count_)) {
        boundary_ = period_start + high_half(count_);
        next_start_ = boundary_ - high_half(count); // continues with the low half
    } else {
        boundary_ = next_start_ = period_start + count_;
    }
}

void PitCounter::settle(u64 tick) {
    if (!next_ || !periodic() || state_ != State::running || static_cast<i64>(tick - boundary_) < 0) return;
    start_ = next_start_;
    count_ = next_;
    next_ = 0;
}

void PitCounter::load(u64 count, u64 tick) {
    count_ = count;
    next_ = 0;
    start_ = tick;
    frozen_ = 0;
    state_ = gate_ || triggered_by_gate() ? State::running : State::frozen;
}

void PitCounter::set_gate(bool high, u64 tick) {
    if (high == gate_) return;
    settle(tick);
    gate_ = high;
    if (triggered_by_gate()) {
        bool const has_count = next_ || state_ == State::running;
        if (high && has_count) load(next_ ? next_ : count_, tick + 1);
    } else if (!high && state_ == State::running) {
        frozen_ = periodic() ? elapsed(tick) % count_ : elapsed(tick);
        state_ = State::frozen;
    } else if (high && state_ == State::frozen) {
        if (periodic()) return load(next_ ? next_ : count_, tick + 1);
        start_ = tick - frozen_;
        state_ = State::running;
    }
}

/// Ticks counted since the load; the ticks between a write and its load count as none.
u64 PitCounter::elapsed(u64 tick) const {
    if (state_ == State::frozen) return frozen_;
    return started(tick) ? tick - start_ : 0;
}

bool PitCounter::output(u64 tick) {
    settle(tick);
    if (state_ == State::idle) return mode() != 0;
    u64 const e = elapsed(tick);
    bool const counting = state_ == State::running && started(tick);
    switch (mode()) {
    case 0: return e >= count_;
    case 1: return !counting || e >= count_;
    case 2: return !counting || count_ == 1 || e % count_ != count_ - 1;
    case 3: return !counting || e % count_ < high_half(count_);
    default: return !counting || e != count_;
    }
}

std::optional<u64> PitCounter::next_rise(u64 tick) {
    settle(tick);
    if (state_ != State::running) return {};
    u64 const e = elapsed(tick);
    switch (mode()) {
    case 0:
    case 1:
        if (e >= count_) return {};
        return start_ + count_;
    case 2:
    case 3: {
        if (next_ && boundary_ != next_start_)
            return next_start_ + next_; // falls with the old count, rises with the new
        if (count_ == 1) return {};     // OUT stays high
        return started(tick) ? tick - e % count_ + count_ : start_ + count_;
    }
    default:
        if (e > count_) return {};
        return start_ + count_ + 1;
    }
}

u16 PitCounter::count_now(u64 tick) {
    settle(tick);
    u64 const e = elapsed(tick);
    u64 const modulus = control_.has<Control::BCD>() ? 10'000 : 0x1'0000;
    u64 value = count_;
    if (state_ != State::idle)
        value = periodic() ? periodic_count(e % count_) : (count_ + modulus - e % modulus) % modulus;
    return control_.has<Control::BCD>() ? to_bcd(static_cast<u16>(value)) : static_cast<u16>(value);
}

/// Mode 2 counts down by one; mode 3 by two through each half, from the even number below.
u64 PitCounter::periodic_count(u64 e) const {
    if (mode() == 2) return count_ - e;
    u64 const half = high_half(count_);
    u64 const even = count_ & ~u64{1};
    return even - 2 * (e < half ? e : e - half);
}

u8 PitCounter::status(u64 tick) {
    u8 const out = output(tick) ? 0x80 : 0;
    bool const null_count = state_ == State::idle || next_ != 0 || (state_ == State::running && !started(tick));
    return static_cast<u8>(out | (null_count ? 0x40 : 0) | (control_.raw & 0x3f));
}

void PitCounter::latch_count(u64 tick) {
    if (latched_bytes_) return; // the first latch holds until it is read
    latched_count_ = count_now(tick);
    latched_bytes_ = control_.get<Control::RW>() == 3 ? 2 : 1;
}

void PitCounter::latch_status(u64 tick) {
    if (status_latched_) return;
    latched_status_ = status(tick);
    status_latched_ = true;
}

u8 PitCounter::read(u64 tick) {
    if (status_latched_) {
        status_latched_ = false;
        return latched_status_;
    }
    bool const latched = latched_bytes_ != 0;
    u16 const value = latched ? latched_count_ : count_now(tick);
    bool high = control_.get<Control::RW>() == 2;
    if (control_.get<Control::RW>() == 3) {
        high = latched ? latched_bytes_ == 1 : read_high_;
        if (!latched) read_high_ = !read_high_;
    }
    if (latched) --latched_bytes_;
    return static_cast<u8>(high ? value >> 8 : value);
}

} // namespace ring3
