// Guest time: host time since power-on, less the time that the VM was paused. The TSC is the same time in other units,
// so the guest's clocks cannot drift apart.
#pragma once

#include "host/time.h"
#include "monitor/devices/bus/frequency.h"

namespace ring3 {

class VirtualClock final : public Clock {
public:
    explicit VirtualClock(u64 tsc_khz) : tsc_{tsc_khz * 1000}, origin_{host::monotonic_nanoseconds()} {}

    Nanoseconds now() const override { return (paused_ ? paused_at_ : host::monotonic_nanoseconds()) - origin_; }
    u64 tsc() const { return tsc_.ticks(now()); }

    void pause() {
        if (!paused_) paused_at_ = host::monotonic_nanoseconds();
        paused_ = true;
    }
    /// How long it stood still.
    Nanoseconds resume() {
        if (!paused_) return 0;
        auto const stood = host::monotonic_nanoseconds() - paused_at_;
        origin_ += stood;
        paused_ = false;
        return stood;
    }
    bool paused() const { return paused_; }

private:
    Frequency tsc_;
    u64 origin_;
    u64 paused_at_{};
    bool paused_{};
};

} // namespace ring3
