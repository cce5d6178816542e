// Archives behind the default guest's initial ram disk: a kernel unpacks them in their order.
#pragma once

#include "app/vm_settings.h"

#include <span>
#include <string>
#include <string_view>

namespace ring3::app {

void append_archive(std::vector<u8>& archives, std::span<u8 const> more);

/// The kernel's modules for a feature of scripts/pack-initramfs ("share"). Only who uses it pays for it.
Result<void> add_guest_modules(BootSettings& boot, std::string_view feature,
                               std::span<std::string const> guest_directories);

} // namespace ring3::app
