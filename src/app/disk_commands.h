// `ring3 disk init|create|resize|remove|list`: physical volumes and their virtual disks (volume/volume.h).
#pragma once

#include <span>
#include <string>

namespace ring3::app {

int disk_command(std::span<std::string const> arguments);

} // namespace ring3::app
