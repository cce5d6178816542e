// The integer chapters of the interpreter: every innocuous instruction of SDM 1 7.3 that works on general registers and
// memory. One file per chapter; handlers.cpp joins their tables with those of the system and vector chapters.
#pragma once

#include "monitor/interpreter/handlers.h"

namespace ring3 {

std::span<HandlerRow const> arithmetic_handlers();
std::span<HandlerRow const> multiply_handlers();
std::span<HandlerRow const> decimal_handlers();
std::span<HandlerRow const> shift_handlers();
std::span<HandlerRow const> bit_handlers();
std::span<HandlerRow const> transfer_handlers();
std::span<HandlerRow const> exchange_handlers();
std::span<HandlerRow const> stack_handlers();
std::span<HandlerRow const> string_handlers();
std::span<HandlerRow const> branch_handlers();
std::span<HandlerRow const> flag_handlers();
std::span<HandlerRow const> miscellaneous_handlers();

} // namespace ring3
