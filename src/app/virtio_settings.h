// The virtio devices of a VM as a person asked for them. Nothing is opened yet.
#pragma once

#include "base/types.h"
#include "p9/share_settings.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ring3::app {

/// Where a device is plugged in, and as what.
struct VirtioPlace {
    std::optional<u8> slot;
    bool legacy{true}, modern{true};
};

struct VirtioRngSettings {};
/// A folder of the host, and the name that the guest mounts it by.
struct VirtioShareSettings {
    p9::ShareSettings folder{};
    std::string tag{};
};
struct VirtioBalloonSettings {};
struct VirtioConsoleSettings {
    std::optional<std::size_t> chardev; // index in VmSettings::chardevs; nothing: output is lost
};
struct VirtioNetSettings {
    std::size_t nic{}; // its place in NetSettings::nics
};
struct VirtioDiskSettings {
    std::size_t drive{}; // its place in VmSettings::drives
};

struct VirtioSettings {
    std::string id;
    VirtioPlace place;
    std::variant<VirtioRngSettings, VirtioBalloonSettings, VirtioConsoleSettings, VirtioNetSettings, VirtioDiskSettings,
                 VirtioShareSettings>
        device;
};

} // namespace ring3::app
