// StartState: how a directly booted guest begins, before any firmware would have run.
#pragma once

#include "base/types.h"

namespace ring3 {

/// 32-bit protected mode, paging off, flat 4-GiB segments (CS selector 10H, data selectors 18H, hidden parts loaded;
/// GDTR points at a matching table if `gdt_base` is set), interrupts off, A20 open. Registers not named are zero.
struct StartState {
    u32 eip{};
    u32 eax{}, ebx{}, esi{}, edi{}, ebp{}, esp{};
    u32 gdt_base{};
    u16 gdt_limit{};
};

} // namespace ring3
