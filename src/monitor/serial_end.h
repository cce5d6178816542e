// The far end of a serial port, inside the monitor: characters leave for the app in batches, and characters of the app
// wait here until the UART has room for them.
#pragma once

#include "driver/channel.h"
#include "monitor/devices/bus/outside.h"
#include "monitor/devices/uart16550.h"

#include <deque>
#include <optional>
#include <string>

namespace ring3 {

class SerialEnd final : public CharSink {
public:
    SerialEnd(driver::MonitorEnd& channel, u8 port) : channel_{channel}, port_{port} {}

    // ---- from the guest
    bool ready() override { return out_.size() < batch && channel_.has_room(batch); }
    void write(u8 character) override { out_ += static_cast<char>(character); }
    void set_modem_lines(bool dtr, bool rts) override;

    // ---- from the app
    void queue(std::string const& bytes) { in_.insert(in_.end(), bytes.begin(), bytes.end()); }
    void queue_break() { break_ = true; }

    /// Moves what can be moved, in both directions. To be called often and before the vCPU sleeps.
    void pump(Uart16550& uart);
    /// Sends everything, however long the app takes: before the last words.
    void flush();
    /// Is there input that the UART could take now?
    bool has_input() const { return !in_.empty(); }

private:
    static constexpr std::size_t batch = 1024; // characters of one message; fewer when the guest is slow
    driver::MonitorEnd& channel_;
    u8 port_;
    std::string out_;
    std::optional<driver::ModemLines> modem_lines_; // not told yet
    std::deque<char> in_;                           // at most SerialIn::window: the app keeps to it
    bool break_{};
};

} // namespace ring3
