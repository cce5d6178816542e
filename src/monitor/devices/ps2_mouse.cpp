#include "monitor/devices/ps2_mouse.h"

#include <algorithm>

namespace ring3 {

namespace {

enum Byte : u8 {
    scaling_1_1 = 0xe6,
    scaling_2_1 = 0xe7,
    set_resolution = 0xe8,
    status_request = 0xe9,
    stream_mode = 0xea,
    read_data = 0xeb,
    end_wrap = 0xec,
    start_wrap = 0xee,
    remote_mode = 0xf0,
    identify = 0xf2,
    set_rate = 0xf3,
    enable = 0xf4,
    disable = 0xf5,
    defaults = 0xf6,
    resend = 0xfe,
    reset_command = 0xff,
    acknowledge = 0xfa,
    self_test_passed = 0xaa,
    identity = 0x00,
};
constexpr int most = 255; // a packet's counters have nine bits

} // namespace

void Ps2Mouse::move(int dx, int dy, u8 buttons) {
    dx_ = std::clamp(dx_ + std::clamp(dx, -most, most), -most, most);
    dy_ = std::clamp(dy_ + std::clamp(dy, -most, most), -most, most);
    buttons_ = buttons & 7;
    if (reporting_ && !remote_ && !wrap_ && output_.size() + 3 <= 16) send_packet();
}

void Ps2Mouse::send_packet() {
    send(static_cast<u8>(0x08 | buttons_ | (dx_ < 0 ? 0x10 : 0) | (dy_ < 0 ? 0x20 : 0)));
    send(static_cast<u8>(dx_));
    send(static_cast<u8>(dy_));
    dx_ = dy_ = 0;
}

void Ps2Mouse::send_status() {
    u8 const flags = static_cast<u8>((buttons_ & 1) << 2 | (buttons_ & 2) >> 1 | (buttons_ & 4) >> 1);
    send(static_cast<u8>((remote_ ? 0x40 : 0) | (reporting_ ? 0x20 : 0) | (scaling_ ? 0x10 : 0) | flags));
    send(resolution_);
    send(rate_);
}

void Ps2Mouse::write(u8 byte) {
    if (wrap_ && byte != end_wrap && byte != reset_command) return send(byte);
    if (!argument_of_) return command(byte);
    send(acknowledge);
    if (argument_of_ == set_resolution) resolution_ = byte & 3;
    if (argument_of_ == set_rate) rate_ = byte;
    argument_of_ = 0;
}

void Ps2Mouse::command(u8 byte) {
    if (byte < scaling_1_1 || byte == 0xed || byte == 0xef || byte == 0xf1 || (byte > defaults && byte < resend))
        return send(resend);
    output_.clear();
    send(acknowledge);
    switch (byte) {
    case scaling_1_1:
    case scaling_2_1: scaling_ = byte == scaling_2_1; break;
    case set_resolution:
    case set_rate: argument_of_ = byte; break;
    case status_request: send_status(); break;
    case stream_mode: remote_ = false; break;
    case remote_mode: remote_ = true; break;
    case read_data: send_packet(); break;
    case start_wrap:
    case end_wrap: wrap_ = byte == start_wrap; break;
    case identify: send(identity); break;
    case enable:
    case disable: reporting_ = byte == enable; break;
    case defaults: set_defaults(); break;
    case reset_command:
        set_defaults();
        send(self_test_passed);
        send(identity);
        break;
    default: break;
    }
}

void Ps2Mouse::set_defaults() {
    reporting_ = remote_ = wrap_ = scaling_ = false;
    resolution_ = 2;
    rate_ = 100;
    dx_ = dy_ = 0;
}

void Ps2Mouse::reset() {
    output_.clear();
    argument_of_ = 0;
    set_defaults();
}

} // namespace ring3
