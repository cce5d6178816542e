// The shared folders of a command line in QEMU's spellings: -virtfs, or -fsdev with -device virtio-9p-pci.
#pragma once

#include "app/comma_list.h"
#include "app/virtio_settings.h"

#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

class ShareOptions {
public:
    /// -virtfs local,path=,mount_tag=,security_model=,readonly=: both ends at once.
    Result<void> add_virtfs(std::string_view text);
    /// -fsdev local,id=,path=,security_model=,readonly=: a folder for a device.
    Result<void> add_fsdev(std::string_view text);
    /// -device virtio-9p-pci,fsdev=ID,mount_tag=: the rest of its list, without `driver`.
    Result<void> add_device(std::string_view driver, CommaList& list);
    static bool knows_device(std::string_view driver);

    /// The devices with their folders. To be called once, at the end of the command line.
    Result<std::vector<VirtioSettings>> finish();

private:
    struct Folder {
        std::string id;
        p9::ShareSettings settings;
        bool is_used{};
    };
    struct Device {
        VirtioShareSettings settings{};
        VirtioPlace place{};
        std::string id{};
        std::string option{}; // for messages
        std::string folder{}; // its id; empty: the settings have it
    };
    Result<void> plug(Device& device);

    std::vector<Folder> folders_;
    std::vector<Device> devices_;
};

/// What a guest mounts a folder by: 1 to 32 bytes.
Result<void> check_mount_tag(std::string_view option, std::string_view tag);

} // namespace ring3::app
