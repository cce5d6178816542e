#include "monitor/devices/e1000_interrupts.h"

#include <algorithm>

namespace ring3 {

u32 E1000Interrupts::read_and_clear() {
    u32 const causes = causes_;
    causes_ = 0;
    update();
    return causes;
}

void E1000Interrupts::reset() {
    causes_ = mask_ = interval_ = 0;
    last_ = 0;
    throttle_.cancel();
    drive(false);
}

void E1000Interrupts::update() {
    bool const wanted = (causes_ & mask_) != 0;
    if (!wanted) {
        throttle_.cancel();
        return drive(false);
    }
    if (asserted_) return;
    Nanoseconds const interval = std::min(interval_ * interval_unit, longest_interval);
    Nanoseconds const now = timers_.now(), allowed = last_ + interval;
    if (last_ != 0 && interval_ != 0 && now < allowed) {
        if (throttle_.deadline() != allowed) throttle_.arm(allowed);
        return;
    }
    last_ = now;
    drive(true);
}

void E1000Interrupts::drive(bool high) {
    if (asserted_ == high) return;
    asserted_ = high;
    pin_(high);
}

} // namespace ring3
