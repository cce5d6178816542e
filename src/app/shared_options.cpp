// What both command lines read in the same way.
#include "app/comma_list.h"
#include "app/system_options.h"

#include <fmt/format.h>

namespace ring3::app {

Result<driver::LogMask> parse_log_words(std::string_view option, std::string_view words) {
    driver::LogMask mask;
    for (auto const& word : split_commas(words)) {
        if (word == "int")
            mask.interrupts = true;
        else if (word == "cpu_reset")
            mask.cpu_reset = true;
        else if (word == "guest_errors" || word == "unimp") // what no device has, nobody expects either
            mask.guest_errors = true;
        else if (word == "exec")
            mask.execution = true;
        else
            return fail(ExitStatus::usage,
                        fmt::format("option '{}' does not know '{}' (int, cpu_reset, guest_errors, unimp, exec)",
                                    option, word));
    }
    return mask;
}

Result<void> check_memory_size(std::string_view option, u64 bytes) {
    constexpr u64 least = u64{1} << 20, most = u64{32} << 30;
    if (bytes >= least && bytes <= most) return {};
    return fail(ExitStatus::usage, fmt::format("option '{}': a guest has 1M to 32G of memory", option));
}

} // namespace ring3::app
