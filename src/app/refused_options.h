// Options of QEMU that ring3 has not: each is refused by its name with what to do instead. (Options that neither has
// are merely unknown.)
#pragma once

#include "base/result.h"

#include <optional>
#include <string_view>

namespace ring3::app {

/// Why, and what to do; nothing if QEMU has no such option either. `option` without dashes.
std::optional<std::string_view> why_refused(std::string_view option);

/// The same for devices of -device, by their beginnings: "usb-tablet" for "usb-".
std::optional<std::string_view> why_device_refused(std::string_view device);

/// For a word that is no option of ring3's, and for a device that it has not.
Error unknown_option(std::string_view word);
Error unknown_device(std::string_view device);

} // namespace ring3::app
