// From settings to devices: opens what a virtio device needs of the host.
#pragma once

#include "app/block_host.h"
#include "app/event_loop.h"
#include "app/net_host.h"
#include "app/outputs.h"
#include "app/virtio_settings.h"
#include "base/result.h"
#include "virtio/balloon.h"

#include <memory>

namespace ring3::app {

/// What devices may be connected to.
struct VirtioResources {
    EventLoop& loop;
    BlockHost& disks;
    NetHost& network;
    Outputs& outputs;
    std::function<void(virtio::Balloon&)> has_balloon; // told of the device that people may move
};

Result<std::unique_ptr<virtio::Device>> make_virtio_device(VirtioSettings const& settings, VirtioResources const& host);

} // namespace ring3::app
