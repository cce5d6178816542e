// Fixed-width names. A freestanding program has <stdint.h>, and no library.
#pragma once

#include <stdint.h>

namespace tiny {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;

} // namespace tiny
