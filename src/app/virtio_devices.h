// From settings to devices: opens what a virtio device needs of the host.
#pragma once

#include "app/block_host.h"
#include "app/event_loop.h"
#include "app/net_host.h"
#include "app/outputs.h"
#include "app/virtio_settings.h"
#include "base/result.h"
#include "virtio/device.h"

#include <memory>

namespace ring3::app {

/// What devices may be connected to.
struct VirtioResources {
    EventLoop& loop;
    BlockHost& disks;
    NetHost& network;
    Outputs& outputs;
};

Result<std::unique_ptr<virtio::Device>> make_virtio_device(VirtioSettings const& settings, VirtioResources const& host);

} // namespace ring3::app
