// The console: what is printed goes to the first serial port, and to the debug port E9H of emulators.
//
//     print("ticks ", 10, ", at ", Hex{eip}, '\n');
#pragma once

#include "text.h"

namespace tiny {

/// Sets the serial port (16550) to 115200 baud, 8 bits, no parity.
void start_console();

/// A number to be shown in base 16, with 0x and all its digits.
template <class T> struct Hex { T value; };
template <class T> Hex(T) -> Hex<T>;

void print_one(char character);
void print_one(Text text);
void print_one(u32 decimal);
void print_hex(u64 value, u32 digits);
template <class T> void print_one(Hex<T> hex) {
    print_hex(hex.value, 2 * sizeof(T));
}

template <class... Parts> void print(Parts... parts) {
    (print_one(parts), ...);
}

} // namespace tiny
