// QEMU's two ways to name a character back-end: the short one of -serial and friends ("unix:/tmp/s,server,nowait"),
// and the long one of -chardev ("socket,id=s,path=/tmp/s,server=on,wait=off").
#pragma once

#include "app/vm_settings.h"

#include <string_view>

namespace ring3::app {

/// The short form, without "none" and "chardev:ID", which are not back-ends. `option` is for the message.
Result<ChardevSettings> parse_backend(std::string_view option, std::string_view text);

/// The value of -chardev.
Result<ChardevSettings> parse_chardev(std::string_view text);

} // namespace ring3::app
