// ASSERT: an invariant of ours. Kept in release builds; a broken one prints the trace ring's tail and aborts.
#pragma once

#include <source_location>

namespace ring3 {

/// Reports the broken invariant on standard error and aborts; the app then shows the monitor's last trace records.
[[noreturn]] void assertion_failed(char const* expression, std::source_location where);

} // namespace ring3

#define ASSERT(expression)                                                                                             \
    do {                                                                                                               \
        if (!(expression)) [[unlikely]]                                                                                \
            ::ring3::assertion_failed(#expression, std::source_location::current());                                   \
    } while (0)
