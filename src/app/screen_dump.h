// `screendump FILE`: what a person would see on the machine's screen, as text (FILE.txt) or as a picture (FILE.png; any
// other name: a portable pixmap, as QEMU writes it).
#pragma once

#include "base/result.h"

#include <span>
#include <string>

namespace ring3::app {

/// `registers`: a VgaState as the monitor sent it, not looked at yet; `memory`: the video memory.
Result<void> dump_screen(std::string const& path, std::string const& registers, std::span<u8 const> memory);

} // namespace ring3::app
