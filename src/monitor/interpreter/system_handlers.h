// The system chapters' part of the handler tables: far transfers, interrupts, segments, control registers, ports.
#pragma once

#include "monitor/interpreter/handlers.h"

namespace ring3 {

/// One row for each Op of these groups of op.h: far transfers, software interrupts and IRET, CLI/STI, PUSHF/POPF,
/// IN/OUT/INS/OUTS, and everything under "segments and system".
std::span<HandlerRow const> system_handlers();

} // namespace ring3
