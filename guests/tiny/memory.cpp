// The functions that a compiler may call without being asked (GCC manual, "Language Standards": freestanding).
#include "types.h"

using tiny::u8;

extern "C" void* memset(void* to, int value, unsigned size) {
    auto* bytes = static_cast<u8*>(to);
    while (size-- != 0) *bytes++ = static_cast<u8>(value);
    return to;
}

extern "C" void* memcpy(void* to, void const* from, unsigned size) {
    auto* target = static_cast<u8*>(to);
    auto const* source = static_cast<u8 const*>(from);
    while (size-- != 0) *target++ = *source++;
    return to;
}
