#include "app/serial_line.h"

#include <algorithm>

namespace ring3::app {

namespace {

constexpr char end_of_file = 0x04;  // Ctrl-D
constexpr char literal_next = 0x16; // Ctrl-V
constexpr std::chrono::seconds repeat_after{1};

bool needs_quoting(char byte) {
    return (byte >= 0 && byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7f;
}

} // namespace

std::string quote_for_terminal(std::string_view bytes, std::size_t& in_line) {
    // Linux's line discipline keeps 4,096 characters and loses the rest of a longer line (drivers/tty/n_tty.c).
    constexpr std::size_t push_after = 1024;
    std::string out;
    for (char const byte : bytes) {
        if (needs_quoting(byte)) out += literal_next;
        out += byte;
        in_line = byte == '\n' ? 0 : in_line + 1;
        if (in_line < push_after) continue;
        out += end_of_file;
        in_line = 0;
    }
    return out;
}

SerialLine::SerialLine(EventLoop& loop, Chardev& chardev, u8 port, SerialSettings settings)
    : chardev_{chardev}, settings_{settings}, port_{port}, again_{loop, [this] { send_end_of_file(); }} {
    chardev_.set_user(this);
}

void SerialLine::attach(driver::AppEnd* driver) {
    driver_ = driver;
    untaken_ = 0;
    unsent_line_ = 0;
    wanted_ = rts_ = false;
    again_.cancel();
}

bool SerialLine::may_send() const {
    return driver_ && (wanted_ || !settings_.wait_until_wanted) && (rts_ || !settings_.flow_control);
}

bool SerialLine::wants_input() const {
    return may_send() && waiting_.empty() && untaken_ < driver::SerialIn::window;
}

void SerialLine::input(std::string_view bytes) {
    waiting_ += settings_.far_end == FarEnd::reads_lines ? quote_for_terminal(bytes, unsent_line_) : std::string{bytes};
    pump();
}

void SerialLine::input_ended() {
    ended_ = true;
    send_end_of_file();
}

void SerialLine::send_end_of_file() {
    if (settings_.far_end != FarEnd::reads_lines || !ended_) return;
    if (may_send() && waiting_.empty() && untaken_ == 0) {
        // In the middle of a line, a first one only passes on what is there.
        waiting_.append(unsent_line_ == 0 ? 1 : 2, end_of_file);
        unsent_line_ = 0;
        pump();
    }
    // Real files stay at their end, a terminal does not: whoever reads again must find the end again.
    again_.set(repeat_after);
}

void SerialLine::pump() {
    while (!waiting_.empty() && may_send() && untaken_ < driver::SerialIn::window) {
        std::size_t const room = driver::SerialIn::window - untaken_;
        std::size_t const count = std::min({waiting_.size(), room, driver::max_payload});
        if (!driver_->try_send(driver::SerialIn{port_, waiting_.substr(0, count)})) break;
        waiting_.erase(0, count);
        untaken_ += static_cast<u32>(count);
    }
    // Through a chardev that keeps input itself, this may come back to input().
    if (wants_input()) chardev_.resume_input();
}

bool SerialLine::taken(u32 count) {
    if (count > untaken_) return false;
    untaken_ -= count;
    pump();
    return true;
}

void SerialLine::set_modem_lines(bool rts) {
    rts_ = rts;
    pump();
}

void SerialLine::input_wanted() {
    wanted_ = true;
    pump();
    if (ended_) send_end_of_file();
}

void SerialLine::send_break() {
    if (driver_) driver_->try_send(driver::SerialBreak{port_});
}

} // namespace ring3::app
