// The files of a direct boot, read once: a machine that resets starts from the same bytes.
#pragma once

#include "app/vm_settings.h"
#include "boot/load.h"

#include <string>
#include <string_view>

namespace ring3::app {

/// A whole file of at most `most` bytes. `what` is for the message: "kernel", "initrd".
Result<std::vector<u8>> read_file(std::string_view what, std::string const& path, u64 most);

/// Reads what the settings name; a guest cannot take larger files than it has memory.
Result<boot::Images> read_images(VmSettings const& settings);

/// Puts the images into a guest's fresh RAM.
Result<StartState> load_images(boot::Images const& images, std::span<u8> ram);

} // namespace ring3::app
