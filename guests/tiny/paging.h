// Paging (SDM 3A 4.3): the first 16 MiB, each page at its own address. Ring 3 sees the task's pages only, and nobody
// sees page 0.
#pragma once

#include "types.h"

namespace tiny {

constexpr u32 mapped_bytes = 16u << 20;

void enable_paging();

} // namespace tiny
