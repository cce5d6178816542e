#include "console.h"

#include "port.h"

namespace tiny {

namespace {

constexpr u16 debug_port = 0xe9;

// The 16550's registers (National Semiconductor PC16550D, table 1).
constexpr u16 com1 = 0x3f8;
constexpr u16 data = com1, divisor_low = com1, divisor_high = com1 + 1, interrupt_enable = com1 + 1,
              fifo_control = com1 + 2, line_control = com1 + 3, modem_control = com1 + 4, line_status = com1 + 5;
constexpr u8 divisor_access = 0x80, eight_bits = 0x03, fifo_on_and_clear = 0x07, dtr_and_rts = 0x03;
constexpr u8 transmitter_empty = 0x20;

/// A port that is not there never becomes ready: the wait has an end.
void send(char character) {
    for (u32 tries = 0; tries < 100'000 && (in8(line_status) & transmitter_empty) == 0; ++tries) {
    }
    out8(data, static_cast<u8>(character));
}

} // namespace

void start_console() {
    out8(interrupt_enable, 0);
    out8(line_control, divisor_access);
    out8(divisor_low, 1);
    out8(divisor_high, 0);
    out8(line_control, eight_bits);
    out8(fifo_control, fifo_on_and_clear);
    out8(modem_control, dtr_and_rts);
}

void print_one(char character) {
    out8(debug_port, static_cast<u8>(character));
    if (character == '\n') send('\r');
    send(character);
}

void print_one(Text text) {
    for (u32 i = 0; i < text.size; ++i) print_one(text.begin[i]);
}

void print_one(u32 decimal) {
    if (decimal >= 10) print_one(decimal / 10);
    print_one(static_cast<char>('0' + decimal % 10));
}

void print_hex(u64 value, u32 digits) {
    print_one(Text{"0x"});
    while (digits-- != 0) print_one("0123456789abcdef"[(value >> (4 * digits)) & 15]);
}

} // namespace tiny
