// A pseudo-terminal as a chardev: its name is printed, and any terminal program may open it, leave and come again.
// While nobody has it open, output is dropped as on an unplugged cable.
#pragma once

#include "app/chardev.h"

namespace ring3::app {

Result<std::unique_ptr<Chardev>> open_pty(EventLoop& loop);

} // namespace ring3::app
