// From settings to devices: opens what a virtio device needs of the host.
#pragma once

#include "app/event_loop.h"
#include "app/virtio_settings.h"
#include "base/result.h"
#include "virtio/device.h"

#include <memory>

namespace ring3::app {

Result<std::unique_ptr<virtio::Device>> make_virtio_device(EventLoop& loop, VirtioSettings const& settings);

} // namespace ring3::app
