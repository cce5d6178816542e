// A PS/2 keyboard (IBM MF2) as the keyboard controller sees it: bytes in, bytes out.
//
// Models: the commands of the MF2 keyboard, scan code sets 1 and 2, enable and disable, LEDs.
// Missing: typematic repeat (the far end repeats keys if it wants to), set 3's own codes and per-key modes (set 3 can be
//          chosen and sends set 2's codes).
// Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboards"; see also i8042.h.
#pragma once

#include "monitor/devices/byte_fifo.h"

namespace ring3 {

/// A byte of scan code set 2 as set 1 has it; what the 8042 does to the keyboard's bytes when it translates.
u8 set1_from_set2(u8 code);

class Ps2Keyboard {
public:
    /// A key by its code of scan code set 2; extended keys send E0h first.
    struct Key {
        u8 code{};
        bool extended{};
    };
    void press(Key key);
    void release(Key key);

    void write(u8 byte);
    bool has_output() const { return !output_.empty(); }
    u8 read() { return output_.pop(); }
    u8 leds() const { return leds_; }
    void reset();

    void visit(auto&& archive) {
        archive("keyboard.expects", argument_of_);
        archive("keyboard.scanning", scanning_);
        archive("keyboard.set", scan_code_set_);
        archive("keyboard.leds", leds_);
        archive("keyboard.last", last_sent_);
        output_.visit(archive);
    }

private:
    void send(u8 byte);
    void set_defaults();
    void command(u8 byte);
    void argument(u8 command, u8 value);
    void key_bytes(Key key, bool release);

    ByteFifo<16> output_;
    u8 argument_of_{}; // the command whose argument comes next
    bool scanning_{true};
    u8 scan_code_set_{2};
    u8 leds_{};
    u8 last_sent_{};
};

} // namespace ring3
