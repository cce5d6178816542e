// Virtual time, and timers on it. Guest time is a count of nanoseconds since power-on; it stands still while the VM is
// paused. Devices compute what they show from now() and ask to be called at a deadline; nothing ticks in between.
#pragma once

#include "base/types.h"

#include <functional>
#include <limits>
#include <vector>

namespace ring3 {

/// Virtual nanoseconds since power-on.
using Nanoseconds = u64;

class Clock {
public:
    virtual ~Clock() = default;
    virtual Nanoseconds now() const = 0;
};

/// A clock that its owner sets: for tests and for replay.
class ManualClock final : public Clock {
public:
    Nanoseconds now() const override { return now_; }
    void advance(Nanoseconds by) { now_ += by; }

private:
    Nanoseconds now_{};
};

class TimerQueue;

/// A one-shot alarm that a device owns. Arming it again moves it.
class Timer {
public:
    Timer(TimerQueue& queue, std::function<void()> expired);
    ~Timer();
    Timer(Timer const&) = delete;
    void arm(Nanoseconds deadline);
    void cancel();
    bool armed() const { return deadline_ != never; }
    Nanoseconds deadline() const { return deadline_; }
    static constexpr Nanoseconds never = std::numeric_limits<Nanoseconds>::max();

private:
    friend class TimerQueue;
    TimerQueue& queue_;
    std::function<void()> expired_;
    Nanoseconds deadline_{never};
};

/// All timers of a board: a dozen at most, so a plain list.
class TimerQueue {
public:
    explicit TimerQueue(Clock const& clock) : clock_{clock} {}
    Clock const& clock() const { return clock_; }
    Nanoseconds now() const { return clock_.now(); }
    /// The earliest deadline, or Timer::never.
    Nanoseconds next_deadline() const;
    /// Calls every timer whose deadline has come, earliest first.
    void run_expired();

private:
    friend class Timer;
    Clock const& clock_;
    std::vector<Timer*> timers_;
};

} // namespace ring3
