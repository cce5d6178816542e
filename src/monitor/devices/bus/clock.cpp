#include "monitor/devices/bus/clock.h"

#include <algorithm>
#include <utility>

namespace ring3 {

Timer::Timer(TimerQueue& queue, std::function<void()> expired) : queue_{queue}, expired_{std::move(expired)} {
    queue_.timers_.push_back(this);
}

Timer::~Timer() {
    std::erase(queue_.timers_, this);
}

void Timer::arm(Nanoseconds deadline) {
    deadline_ = deadline;
}

void Timer::cancel() {
    deadline_ = never;
}

Nanoseconds TimerQueue::next_deadline() const {
    Nanoseconds earliest = Timer::never;
    for (Timer const* timer : timers_) earliest = std::min(earliest, timer->deadline_);
    return earliest;
}

void TimerQueue::run_expired() {
    Nanoseconds const now = clock_.now();
    for (;;) {
        auto const earliest = std::ranges::min_element(timers_, {}, &Timer::deadline_);
        if (earliest == timers_.end() || (*earliest)->deadline_ > now) return;
        Timer& timer = **earliest;
        timer.cancel(); // before the call, which may arm it again
        timer.expired_();
    }
}

} // namespace ring3
