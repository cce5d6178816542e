// The command line of ring3-system-i386: QEMU's, as far as ring3 has what it names. What it has not is an error that
// names the option, never silence: a script must not believe that its guest has a disk.
#pragma once

#include "app/vm_settings.h"

#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace ring3::app {

/// `arguments` without the program's name; `cpu_names` for `-cpu help`. On an error, `at` gets the index of the word that
/// it is about, or their number if it is about all of them together.
Result<std::variant<VmSettings, PrintText>> parse_system_options(std::span<std::string const> arguments,
                                                                 std::span<std::string_view const> cpu_names,
                                                                 std::size_t* at = nullptr);

/// The words of -d, as a comma list.
Result<driver::LogMask> parse_log_words(std::string_view option, std::string_view words);

/// What a VM may have; the error names the option that asked for more or less.
Result<void> check_memory_size(std::string_view option, u64 bytes);

} // namespace ring3::app
