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

constexpr std::string_view families[] = {"virtio-balloon", "virtio-blk", "virtio-rng", "virtio-serial"};

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

Result<void> VirtioOptions::add_device(std::string_view driver, CommaList& list, DriveOptions& drives) {
    auto const option = fmt::format("-device {}", driver);
    VirtioSettings device;
    device.id = list.take("id").value_or("");
    device.place = TRY(take_virtio_place(driver, list));
    if (family_of(driver) == "virtio-blk") {
        auto const id = list.take("drive");
        if (!id) return bad(driver, "drive=ID is missing");
        auto drive = TRY(drives.take_unplugged(option, *id));
        if (auto const order = TRY(list.take_number("bootindex", 0x7fff'ffff)))
            drive.boot_index = static_cast<u32>(*order);
        if (auto const serial = list.take("serial")) drive.drive.serial = *serial;
        TRY_VOID(add_disk(std::move(device), std::move(drive)));
    } else if (family_of(driver) == "virtio-balloon") {
        device.device = VirtioBalloonSettings{};
        devices_.push_back(std::move(device));
    } else if (family_of(driver) == "virtio-serial") {
        device.device = VirtioConsoleSettings{};
        devices_.push_back(std::move(device));
    } else {
        if (auto source = list.take("rng")) wanted_random_sources_.push_back(*std::move(source));
        list.take("max-bytes"), list.take("period"); // how much in what time: the guest waits for nothing here
        device.device = VirtioRngSettings{};
        devices_.push_back(std::move(device));
    }
    return list.finish(option);
}

/// There is one source, the host's kernel: /dev/random and /dev/urandom are two names of it.
Result<void> VirtioOptions::add_random_source(std::string_view type, CommaList& list) {
    auto const option = fmt::format("-object {}", type);
    auto id = list.take("id");
    if (!id) return fail(ExitStatus::usage, fmt::format("option '{}': id=ID is missing", option));
    auto const file = type == "rng-random" ? list.take("filename").value_or("/dev/urandom") : "/dev/urandom";
    if (file != "/dev/urandom" && file != "/dev/random")
        return fail(ExitStatus::usage, fmt::format("option '{}': filename={} is not /dev/urandom", option, file));
    random_sources_.push_back(*std::move(id));
    return list.finish(option);
}

Result<void> VirtioOptions::check_random_sources() const {
    for (std::string const& id : wanted_random_sources_)
        if (std::ranges::find(random_sources_, id) == random_sources_.end())
            return bad("virtio-rng-pci", fmt::format("there is no source '{0}' (-object rng-random,id={0})", id));
    return {};
}

Result<void> VirtioOptions::add_disk(VirtioSettings device, DriveSettings drive) {
    if (drive.path.empty()) return fail(ExitStatus::usage, "option '-drive': a virtio disk needs file=PATH");
    drive.drive.kind = DriveKind::virtio_disk;
    drive.drive.unit = static_cast<u8>(disks_.size());
    device.device = VirtioDiskSettings{disks_.size()};
    devices_.push_back(std::move(device));
    disks_.push_back(std::move(drive));
    return {};
}

/// The port is plugged into the first bus.
Result<void> VirtioOptions::connect_console(VmSettings const& settings) {
    if (!settings.virtconsole) return {};
    for (VirtioSettings& device : devices_)
        if (auto* const console = std::get_if<VirtioConsoleSettings>(&device.device)) {
            console->chardev = settings.virtconsole;
            return {};
        }
    return fail(ExitStatus::usage, "option '-device virtconsole' needs a -device virtio-serial-pci");
}

void add_virtio_cards(VmSettings& settings) {
    for (std::size_t i = 0; i < settings.net.nics.size(); ++i) {
        NicSettings const& nic = settings.net.nics[i];
        if (nic.card.model == NicModel::virtio) settings.virtio.push_back({nic.id, nic.virtio, VirtioNetSettings{i}});
    }
}

Result<void> VirtioOptions::finish(VmSettings& settings, DriveOptions& drives) {
    TRY_VOID(connect_console(settings));
    TRY_VOID(check_random_sources());
    for (DriveSettings& drive : drives.take_virtio()) TRY_VOID(add_disk({}, std::move(drive)));
    settings.drives = TRY(drives.finish());
    if (devices_.size() + settings.net.nics.size() > max_virtio)
        return fail(ExitStatus::usage, fmt::format("option '-device': there can be {} virtio devices", max_virtio));
    if (settings.drives.size() + disks_.size() > max_disks)
        return fail(ExitStatus::usage, fmt::format("option '-drive': there can be {} drives", max_disks));
    for (VirtioSettings& device : devices_)
        if (auto* const disk = std::get_if<VirtioDiskSettings>(&device.device)) disk->drive += settings.drives.size();
    std::ranges::move(disks_, std::back_inserter(settings.drives));
    add_virtio_cards(settings); // cards come first
    std::ranges::move(devices_, std::back_inserter(settings.virtio));
    return {};
}

} // namespace ring3::app
