// Values of options that both commands share: sizes, dates.
#pragma once

#include "base/result.h"

#include <string_view>

namespace ring3::app {

/// "512" (MiB), "512M", "2G", "1.5G", "262144K": bytes, a whole number of pages.
Result<u64> parse_memory_size(std::string_view text);

/// "2024-02-29" or "2024-02-29T23:59:58" as seconds since 1970, taken as UTC.
Result<u64> parse_date(std::string_view text);

/// What a clock that shows local time shows now, as if it were UTC.
u64 local_time_seconds();

} // namespace ring3::app
