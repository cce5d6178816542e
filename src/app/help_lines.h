// The lines of ring3-system-i386's help.
#pragma once

#include <string>
#include <string_view>

namespace ring3::app {

/// "-drive KEY=VALUE,...    a disk: ..."; a form that is too long for its column has a line of its own.
std::string help_line(std::string const& form, std::string_view help);

std::string help_of_engine_switches();

/// What -device help and -d help answer.
std::string_view device_help();
std::string_view log_help();

} // namespace ring3::app
