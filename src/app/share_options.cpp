#include "app/share_options.h"

#include "app/virtio_options.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

std::unexpected<Error> bad(std::string_view option, std::string message) {
    return fail(ExitStatus::usage, fmt::format("option '{}': {}", option, std::move(message)));
}

Result<p9::SecurityModel> parse_security(std::string_view option, std::string_view text) {
    if (text == "none") return p9::SecurityModel::none;
    if (text == "passthrough") return p9::SecurityModel::passthrough;
    if (text == "mapped-xattr" || text == "mapped") return p9::SecurityModel::mapped_xattr;
    return bad(option, fmt::format("security_model={} is not supported (none, passthrough, mapped-xattr)", text));
}

/// What -virtfs and -fsdev have in common.
Result<p9::ShareSettings> take_folder(std::string_view option, CommaList& list) {
    auto const driver = list.take("fsdriver").value_or("");
    if (driver != "local") return bad(option, fmt::format("no file system driver '{}' (local)", driver));
    auto path = list.take("path").value_or("");
    if (path.empty()) return bad(option, "path= is missing");
    auto const model = list.take("security_model");
    if (!model) return bad(option, "security_model= is missing (none, passthrough or mapped-xattr)");
    p9::ShareSettings folder{.path = std::move(path), .security = TRY(parse_security(option, *model))};
    folder.is_read_only = TRY(list.take_switch("readonly")).value_or(false);
    // Numbers of files from several file systems are told apart always; a folder with several is not refused.
    if (auto const several = list.take("multidevs"); several && *several != "remap" && *several != "warn")
        return bad(option, fmt::format("multidevs={} is not supported (remap)", *several));
    return folder;
}

} // namespace

Result<void> check_mount_tag(std::string_view option, std::string_view tag) {
    constexpr std::size_t longest = 32;
    if (tag.empty()) return bad(option, "mount_tag= is missing");
    if (tag.size() > longest) return bad(option, fmt::format("mount_tag= has at most {} characters", longest));
    return {};
}

bool ShareOptions::knows_device(std::string_view driver) {
    return driver == "virtio-9p-pci" || driver == "virtio-9p-pci-transitional" ||
           driver == "virtio-9p-pci-non-transitional";
}

Result<void> ShareOptions::add_virtfs(std::string_view text) {
    CommaList list{text, "fsdriver"};
    Device device{.settings = {.folder = TRY(take_folder("-virtfs", list))}, .option = "-virtfs"};
    device.settings.tag = list.take("mount_tag").value_or("");
    TRY_VOID(check_mount_tag("-virtfs", device.settings.tag));
    list.take("id"); // nobody can refer to it
    devices_.push_back(std::move(device));
    return list.finish("-virtfs");
}

Result<void> ShareOptions::add_fsdev(std::string_view text) {
    CommaList list{text, "fsdriver"};
    Folder folder{.id = list.take("id").value_or(""), .settings = TRY(take_folder("-fsdev", list))};
    if (folder.id.empty()) return bad("-fsdev", "id= is missing");
    if (std::ranges::find(folders_, folder.id, &Folder::id) != folders_.end())
        return bad("-fsdev", fmt::format("the id '{}' is taken", folder.id));
    folders_.push_back(std::move(folder));
    return list.finish("-fsdev");
}

Result<void> ShareOptions::add_device(std::string_view driver, CommaList& list) {
    Device device{.option = fmt::format("-device {}", driver)};
    device.folder = list.take("fsdev").value_or("");
    if (device.folder.empty()) return bad(device.option, "fsdev=ID is missing");
    device.settings.tag = list.take("mount_tag").value_or("");
    TRY_VOID(check_mount_tag(device.option, device.settings.tag));
    device.id = list.take("id").value_or("");
    device.place = TRY(take_virtio_place(driver, list));
    devices_.push_back(std::move(device));
    return list.finish(devices_.back().option);
}

Result<void> ShareOptions::plug(Device& device) {
    if (device.folder.empty()) return {};
    auto const folder = std::ranges::find(folders_, device.folder, &Folder::id);
    if (folder == folders_.end())
        return bad(device.option,
                   fmt::format("there is no folder '{}' (-fsdev local,id={},...)", device.folder, device.folder));
    if (folder->is_used) return bad(device.option, fmt::format("'{}' has a device already", device.folder));
    folder->is_used = true;
    device.settings.folder = folder->settings;
    return {};
}

Result<std::vector<VirtioSettings>> ShareOptions::finish() {
    std::vector<VirtioSettings> settings;
    for (auto& device : devices_) {
        TRY_VOID(plug(device));
        settings.push_back({std::move(device.id), device.place, std::move(device.settings)});
    }
    return settings;
}

} // namespace ring3::app
