#include "app/virtio_devices.h"

#include "app/share_device.h"
#include "virtio/entropy.h"

#include <sys/random.h>

namespace ring3::app {

namespace {

using Made = Result<std::unique_ptr<virtio::Device>>;

/// Never waits once the host has booted (getrandom(2)).
void fill_with_random_bytes(std::span<u8> bytes) {
    while (!bytes.empty()) {
        ssize_t const count = ::getrandom(bytes.data(), bytes.size(), 0);
        if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

Made make(EventLoop&, VirtioRngSettings const&) {
    return std::make_unique<virtio::Entropy>(fill_with_random_bytes);
}

Made make(EventLoop& loop, VirtioShareSettings const& settings) {
    return ShareDevice::open(loop, settings);
}

} // namespace

Made make_virtio_device(EventLoop& loop, VirtioSettings const& settings) {
    return std::visit([&](auto const& device) { return make(loop, device); }, settings.device);
}

} // namespace ring3::app
