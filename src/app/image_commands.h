// `ring3 image create|info|convert|check|map|resize|compare`: work on disk images, with the options of qemu-img.
//
// Exit status: of check 0 (sound), 1 (could not be done), 2 (corrupt), 3 (leaks only), 63 (a format without checks); of
// compare 0 (the same), 1 (different), 2 and 4 (an image cannot be opened, or read). All others: 0, or ring3's own.
#pragma once

#include "base/result.h"

#include <span>
#include <string>

namespace ring3::app {

int image_command(std::span<std::string const> arguments);

} // namespace ring3::app
