#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace ring3 {

void assertion_failed(char const* expression, std::source_location where) {
    std::fprintf(stderr, "ring3: internal error: %s:%u: %s: '%s' does not hold\n", where.file_name(), where.line(),
                 where.function_name(), expression);
    std::abort();
}

} // namespace ring3
