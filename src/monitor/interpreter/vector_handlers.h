// The chapter of x87, MMX, SSE and AVX (SDM 1 8 to 14): its rows for the table in handlers.cpp.
#pragma once

#include "monitor/interpreter/handlers.h"

namespace ring3 {

/// One row for each Op from x87 on: Op::x87 to Op::gather.
std::span<HandlerRow const> vector_handlers();

} // namespace ring3
