// `ring3 config`: machine files checked, and shown as command lines.
#pragma once

#include "app/commands.h"

namespace ring3::app {

/// `arguments` are those behind "config"; gives the exit status.
int config_command(std::span<std::string const> arguments, MonitorParts const& monitor);

} // namespace ring3::app
