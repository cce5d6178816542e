// The descriptor table that a directly booted guest starts with.
#pragma once

#include "base/types.h"

#include <array>

namespace ring3::boot {

/// Selectors 0 and 8 are null; 10H is __BOOT_CS (code, execute and read), 18H is __BOOT_DS (data, read and write): both
/// flat, 4 GiB, 32-bit, ring 0, accessed (SDM 3A 3.4.5; Linux/x86 boot protocol, "32-bit boot protocol").
inline constexpr std::array<u64, 4> flat_gdt{0, 0, 0x00cf'9b00'0000'ffff, 0x00cf'9300'0000'ffff};

} // namespace ring3::boot
