#include "app/virtio_options.h"

#include "app/pci_slot.h"
#include "base/virtio.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

constexpr std::string_view transitional = "-transitional", modern_only = "-non-transitional";

/// "virtio-rng" for virtio-rng, virtio-rng-pci, virtio-rng-pci-transitional ...
std::string_view family_of(std::string_view driver) {
    for (auto const suffix : {modern_only, transitional})
        if (driver.ends_with(suffix)) {
            driver.remove_suffix(suffix.size());
            if (!driver.ends_with("-pci")) return {};
        }
    if (driver.ends_with("-pci")) driver.remove_suffix(4);
    return driver;
}

constexpr std::string_view families[] = {"virtio-rng"};

std::unexpected<Error> bad(std::string_view driver, std::string message) {
    return fail(ExitStatus::usage, fmt::format("option '-device {}': {}", driver, std::move(message)));
}

} // namespace

bool VirtioOptions::knows_device(std::string_view driver) {
    return std::ranges::find(families, family_of(driver)) != std::end(families);
}

Result<VirtioPlace> take_virtio_place(std::string_view driver, CommaList& list) {
    VirtioPlace place;
    if (driver.ends_with(modern_only))
        place.legacy = false;
    else if (driver.ends_with(transitional))
        place.legacy = place.modern = true;
    if (TRY(list.take_switch("disable-modern")).value_or(false)) place.modern = false;
    if (auto const off = list.take("disable-legacy"); off && *off != "auto" && *off != "off") {
        if (*off != "on") return bad(driver, fmt::format("disable-legacy={}: on, off or auto", *off));
        place.legacy = false;
    }
    if (!place.legacy && !place.modern) return bad(driver, "disable-modern and disable-legacy leave nothing");
    if (auto const address = list.take("addr")) {
        place.slot = parse_slot(*address);
        if (!place.slot) return bad(driver, fmt::format("addr={} is no slot (0x0 to 0x1f)", *address));
    }
    if (auto const bus = list.take("bus"); bus && *bus != "pci.0")
        return bad(driver, fmt::format("bus={}: the bus is pci.0", *bus));
    list.take("vectors"); // the most that a device may use: there are none
    return place;
}

Result<void> VirtioOptions::add_device(std::string_view driver, CommaList& list) {
    VirtioSettings device;
    device.id = list.take("id").value_or("");
    device.place = TRY(take_virtio_place(driver, list));
    list.take("rng"); // there is one source of random bytes
    device.device = VirtioRngSettings{};
    devices_.push_back(std::move(device));
    return list.finish(fmt::format("-device {}", driver));
}

Result<std::vector<VirtioSettings>> VirtioOptions::finish() {
    if (devices_.size() > max_virtio)
        return fail(ExitStatus::usage, fmt::format("option '-device': there can be {} virtio devices", max_virtio));
    return std::move(devices_);
}

} // namespace ring3::app
