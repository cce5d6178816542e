#include "monitor/devices/ps2_keyboard.h"

namespace ring3 {

namespace {

enum Byte : u8 {
    set_leds = 0xed,
    echo = 0xee,
    choose_set = 0xf0,
    identify = 0xf2,
    typematic = 0xf3,
    enable = 0xf4,
    disable = 0xf5,
    defaults = 0xf6,
    all_keys_first = 0xf7,
    all_keys_last = 0xfa,
    one_key_first = 0xfb,
    one_key_last = 0xfd,
    resend = 0xfe,
    reset_command = 0xff,
    acknowledge = 0xfa,
    self_test_passed = 0xaa,
    break_prefix = 0xf0,
    extended_prefix = 0xe0,
};

constexpr std::array<u8, 128> set1_codes{
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, //
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, //
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, //
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, //
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, //
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, //
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, //
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

} // namespace

u8 set1_from_set2(u8 code) {
    if (code < set1_codes.size()) return set1_codes[code];
    if (code == 0x83) return 0x41; // F7
    if (code == 0x84) return 0x54; // SysRq
    return code;
}

void Ps2Keyboard::press(Key key) {
    key_bytes(key, false);
}

void Ps2Keyboard::release(Key key) {
    key_bytes(key, true);
}

/// A key that does not fit whole into the buffer is lost, not cut.
void Ps2Keyboard::key_bytes(Key key, bool release) {
    bool const set1 = scan_code_set_ == 1;
    unsigned const bytes = 1u + key.extended + (release && !set1);
    if (!scanning_ || output_.size() + bytes > 16) return;
    if (key.extended) send(extended_prefix);
    if (release && !set1) send(break_prefix);
    send(set1 ? static_cast<u8>(set1_from_set2(key.code) | (release ? 0x80 : 0)) : key.code);
}

void Ps2Keyboard::send(u8 byte) {
    if (output_.push(byte)) last_sent_ = byte;
}

void Ps2Keyboard::write(u8 byte) {
    if (argument_of_ && byte < set_leds) {
        u8 const of = argument_of_;
        argument_of_ = 0;
        return argument(of, byte);
    }
    argument_of_ = 0; // a command where an argument should be replaces the first one
    command(byte);
}

void Ps2Keyboard::command(u8 byte) {
    if (byte == resend) return send(last_sent_);
    if (byte == echo) return send(echo);
    if (byte < set_leds || byte == 0xef || byte == 0xf1) return send(resend);
    if (byte != set_leds && byte != choose_set && byte != typematic) output_.clear();
    send(acknowledge);
    switch (byte) {
    case set_leds:
    case choose_set:
    case typematic: argument_of_ = byte; break;
    case identify:
        send(0xab);
        send(0x83);
        break;
    case enable: scanning_ = true; break;
    case disable:
        set_defaults();
        scanning_ = false;
        break;
    case defaults: set_defaults(); break;
    case reset_command:
        reset();
        send(acknowledge);
        send(self_test_passed);
        break;
    default:
        if (byte >= one_key_first && byte <= one_key_last) argument_of_ = byte;
        break; // F7h..FAh: modes of all keys, which matter in set 3 only
    }
}

void Ps2Keyboard::argument(u8 command, u8 value) {
    send(acknowledge);
    if (command == set_leds) leds_ = value & 7;
    if (command == choose_set && value == 0) send(scan_code_set_);
    if (command == choose_set && value >= 1 && value <= 3) scan_code_set_ = value;
}

void Ps2Keyboard::set_defaults() {
    scan_code_set_ = 2;
    scanning_ = true;
}

void Ps2Keyboard::reset() {
    output_.clear();
    argument_of_ = 0;
    leds_ = 0;
    set_defaults();
}

} // namespace ring3
