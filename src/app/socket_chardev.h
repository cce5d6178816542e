// A stream socket as a chardev, connecting or listening; one client at a time, and another one after it has gone.
// While nobody is connected, output is dropped.
#pragma once

#include "app/chardev.h"

namespace ring3::app {

Result<std::unique_ptr<Chardev>> open_socket(EventLoop& loop, SocketBackend const& settings);

} // namespace ring3::app
