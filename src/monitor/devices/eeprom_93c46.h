// 93C46: a serial EEPROM of 64 words of 16 bits, which network cards keep their address in; clocked over three pins.
//
// Models: reading. Missing: writing and erasing; those commands are taken in and change nothing.
// Source: 93C46 data sheets (Microwire, 16-bit organization).
#pragma once

#include "base/types.h"

#include <array>

namespace ring3 {

class Eeprom93C46 {
public:
    static constexpr std::size_t words = 64;
    std::array<u16, words> contents{};

    void set_pins(bool select, bool clock, bool data);
    /// Between commands the pin floats high: "ready".
    bool output() const { return !reading_ || (shift_out_ >> 16 & 1) != 0; }
    void reset() { bits_in_ = 0, reading_ = clock_ = false; }

    void visit(auto&& archive) {
        archive("93c46.clock", clock_);
        archive("93c46.shift_in", shift_in_);
        archive("93c46.bits_in", bits_in_);
        archive("93c46.shift_out", shift_out_);
        archive("93c46.reading", reading_);
    }

private:
    void clock_rises(bool data);
    bool clock_{};
    u16 shift_in_{};
    u8 bits_in_{};
    u32 shift_out_{}; // bit 16 is on the pin
    bool reading_{};
};

} // namespace ring3
