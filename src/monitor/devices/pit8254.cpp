#include "monitor/devices/pit8254.h"

#include <algorithm>

namespace ring3 {

Pit8254::Pit8254(TimerQueue& timers, Line& irq0)
    : timers_{timers}, irq0_{irq0}, timer_{timers, [this] { expired(); }} {}

u8 Pit8254::read(u16 offset) {
    if (offset == 3) return 0xff; // the control word cannot be read
    return counters_[offset % 4].read(tick());
}

void Pit8254::write(u16 offset, u8 value) {
    unsigned const number = offset == 3 ? value >> 6 : offset % 4u;
    if (number == 3) return read_back(value);
    PitCounter::Control const control{{static_cast<u8>(value & 0x3f)}};
    if (offset != 3)
        counters_[number].write(value, tick());
    else if (control.get<PitCounter::Control::RW>() == 0)
        return counters_[number].latch_count(tick());
    else
        counters_[number].write_control(control);
    if (number == 0) reprogrammed();
}

/// Data sheet, figure 10: bits 5 and 4, low, latch count and status of the counters that bits 3-1 choose.
void Pit8254::read_back(u8 command) {
    for (unsigned i = 0; i < counters_.size(); ++i) {
        if (!(command >> (i + 1) & 1)) continue;
        if (!(command & 0x20)) counters_[i].latch_count(tick());
        if (!(command & 0x10)) counters_[i].latch_status(tick());
    }
}

/// What was owed belongs to the old programming.
void Pit8254::reprogrammed() {
    owed_ = 0;
    seen_ = tick();
    irq0_.set(counters_[0].output(seen_));
    arm();
}

void Pit8254::expired() {
    u64 const now = tick();
    if (auto const rise = counters_[0].next_rise(seen_); rise && *rise <= now) {
        static_cast<void>(counters_[0].output(*rise)); // takes a count that waited for this period's end
        u64 const period = counters_[0].period();
        owed_ += 1 + (period ? (now - *rise) / period : 0);
    }
    seen_ = now;
    if (owed_) {
        // OUT's falls are not timed, as nothing on the board can tell: the line falls just before it rises again.
        --owed_;
        irq0_.set(false);
        irq0_.set(true);
    }
    u64 const most = frequency.hertz / std::max<u64>(counters_[0].period(), 1);
    if (owed_ > most) {
        lost_ += owed_ - most;
        owed_ = most;
    }
    arm();
}

void Pit8254::arm() {
    auto const rise = counters_[0].next_rise(seen_);
    if (!rise) return timer_.cancel();
    u64 next = *rise;
    if (owed_) next = std::min(next, seen_ + std::max<u64>(counters_[0].period() / 2, 1));
    timer_.arm(frequency.time_of(next));
}

void Pit8254::reset() {
    for (auto& counter : counters_) counter = {};
    seen_ = tick();
    owed_ = 0;
    irq0_.set(counters_[0].output(seen_));
    timer_.cancel();
}

} // namespace ring3
