#include "monitor/devices/eeprom_93c46.h"

#include <utility>

namespace ring3 {

namespace {
constexpr u16 read_command = 0b110;      // start bit and opcode
constexpr unsigned command_bits = 3 + 6; // and an address
} // namespace

void Eeprom93C46::set_pins(bool select, bool clock, bool data) {
    bool const was_high = std::exchange(clock_, clock), rises = clock && !was_high;
    if (!select) {
        bits_in_ = 0;
        reading_ = false;
    } else if (rises) {
        clock_rises(data);
    }
}

void Eeprom93C46::clock_rises(bool data) {
    if (reading_) {
        shift_out_ <<= 1;
        return;
    }
    if (bits_in_ == 0 && !data) return; // before the start bit
    shift_in_ = static_cast<u16>(shift_in_ << 1 | (data ? 1 : 0));
    if (++bits_in_ < command_bits) return;
    bits_in_ = 0;
    reading_ = (shift_in_ >> 6 & 7) == read_command;
    shift_out_ = contents[shift_in_ % words]; // a zero goes before it
}

} // namespace ring3
