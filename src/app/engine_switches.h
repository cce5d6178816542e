// The engine's switches on the command line (A9): --engine, --optimize, --memory ... Both programs have the same ones, so
// they stand in one table: a row for the parsers, the help and the messages.
#pragma once

#include "app/vm_settings.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ring3::app {

/// none: "--check-code"; required: "--engine WORD" or "--engine=WORD"; optional: "--stats" or "--stats=FILE".
enum class SwitchValue : u8 { none, required, optional };

struct EngineSwitch {
    std::string_view name; // without dashes
    SwitchValue takes{};
    std::string_view form; // of the value, for the help
    std::string_view help;
    /// `option` is the switch as typed, for the message. A switch without its optional value gets an empty one.
    Result<void> (*apply)(EngineSettings& settings, std::string_view option, std::string_view value);
};

std::span<EngineSwitch const> engine_switches();
EngineSwitch const* find_engine_switch(std::string_view name);

/// "--optimize VALUE" for one switch, whatever the parser found it in.
Result<void> apply_engine_switch(EngineSettings& settings, EngineSwitch const& which, std::string_view option,
                                 std::optional<std::string> const& value);

/// The values of --memory, which `ring3 run` also takes a size by.
bool is_memory_policy(std::string_view word);

/// The code cache's size: a number of MiB, at most most_cache_mib.
inline constexpr u32 most_cache_mib = 256;
Result<u32> parse_cache_size(std::string_view option, std::string_view text);

// The words of the command line for the settings; for reports.
std::string_view word_of(driver::Engine engine);
std::string_view word_of(driver::MemoryPolicy policy);
std::string_view word_of(driver::TlbMethod method);
std::string_view word_of(driver::Verify verify);
std::string words_of(driver::Optimizations optimizations);

} // namespace ring3::app
