// SerialLine: one of the guest's serial ports, between its chardev outside and the driver inside.
//
//     chardev -- input() --> waiting_ -- SerialIn, at most a window untaken --> monitor
//     chardev <-- write() ------------- SerialOut ------------------------------ monitor
//
// The window is the back-pressure: characters that the guest's UART has not taken stay in the host's pipe or file.
#pragma once

#include "app/chardev.h"
#include "driver/channel.h"

#include <string>

namespace ring3::app {

class SerialLine final : public CharUser {
public:
    SerialLine(EventLoop& loop, Chardev& chardev, u8 port, SerialSettings settings);

    // ---- from outside
    bool wants_input() const override;
    void input(std::string_view bytes) override;
    void input_ended() override;
    void send_break() override;

    // ---- from and to the monitor
    /// A new monitor is at the other end; nothing that the old one had counts any more.
    void attach(driver::AppEnd* driver);
    void output(std::string_view bytes) { chardev_.write(bytes); }
    /// False: more than it ever got.
    [[nodiscard]] bool taken(u32 count);
    void set_modem_lines(bool rts);
    void input_wanted();
    Chardev& chardev() { return chardev_; }

private:
    bool may_send() const;
    void pump();
    void send_end_of_file();

    Chardev& chardev_;
    SerialSettings settings_;
    driver::AppEnd* driver_{};
    std::string waiting_;
    std::size_t unsent_line_{}; // characters since the last newline or push
    u32 untaken_{};
    u8 port_;
    bool wanted_{};
    bool rts_{};
    bool ended_{};
    Alarm again_;
};

/// Bytes as a person would have to type them on a terminal in line mode so that a program reads exactly these: control
/// characters behind Ctrl-V, and a Ctrl-D now and then in endless lines, which passes on what is there.
/// `in_line` counts characters since the last newline, across calls.
std::string quote_for_terminal(std::string_view bytes, std::size_t& in_line);

} // namespace ring3::app
