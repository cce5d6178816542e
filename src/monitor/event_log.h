// What `-d` shows: interrupts and exceptions as they are delivered, resets, and what guests do that no device answers.
// Text for people, in the layout they know; a guest can trigger it at will, so each kind is limited in rate.
#pragma once

#include "driver/channel.h"
#include "driver/machine_config.h"
#include "monitor/interpreter/vcpu.h"

namespace ring3 {

class EventLog final : public EventListener {
public:
    EventLog(driver::MonitorEnd& channel, driver::LogMask mask) : channel_{channel}, mask_{mask} {}

    /// -d int: one line and the registers for each event, before it is delivered.
    void event(Vcpu const& vcpu, u8 vector, EventKind kind, u32 error) override;
    /// -d exec: the address of each block.
    void block(Vcpu const& vcpu);
    /// Whatever `-d` says: the reason for an end.
    void always(std::string const& text) { say(text); }
    /// -d guest_errors: whoever meets many of them asks before it puts words together.
    bool takes_guest_errors() const { return mask_.guest_errors && guest_errors_ <= most_guest_errors; }
    void guest_error(std::string const& text);
    /// -d cpu_reset, and at a triple fault: registers and the code at eip, under a headline.
    void registers(Vcpu const& vcpu, std::string_view headline);

    /// The same text, for `info registers`.
    static std::string describe(Vcpu const& vcpu);

private:
    static constexpr u64 most_guest_errors = 1000;
    void say(std::string const& text);
    driver::MonitorEnd& channel_;
    driver::LogMask mask_;
    u64 events_{};
    u64 guest_errors_{};
};

} // namespace ring3
