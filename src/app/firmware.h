// The firmware that a machine starts with, read from its files, and what the firmware is told (fw_cfg).
#pragma once

#include "app/vm_settings.h"

namespace ring3::app {

/// Where firmware is looked for by name: the user's directories (-L) first.
std::vector<std::string> firmware_directories(FirmwareSettings const& settings);

/// Reads what the settings name. `memory`: the guest's, in bytes, for the tables that describe it.
Result<FirmwareConfig> read_firmware(FirmwareSettings const& settings, u64 memory);

} // namespace ring3::app
