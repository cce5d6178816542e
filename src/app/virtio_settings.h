// The virtio devices of a VM as a person asked for them. Nothing is opened yet.
#pragma once

#include "base/types.h"

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

struct VirtioSettings {
    std::string id;
    VirtioPlace place;
    std::variant<VirtioRngSettings> device;
};

} // namespace ring3::app
