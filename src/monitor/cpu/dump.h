// The processor's state as text, in the layout that users of `-d cpu_reset` and `info registers` know.
#pragma once

#include "monitor/cpu/state.h"

#include <span>
#include <string>

namespace ring3 {

/// Several lines, each ended by a newline. `a20` is the state of the A20 gate, which is not the processor's.
std::string dump_registers(GuestCpu const& cpu, bool a20);

/// "Code=0f 0b <f4> eb fd": the bytes around eip; `before` of them lie in front of it. Ended by a newline.
std::string dump_code(std::span<u8 const> bytes, std::size_t before);

} // namespace ring3
