#include "app/boot_order.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace ring3::app {

namespace {

using Order = std::map<u32, std::string>;

Result<void> add(Order& order, u32 index, std::string place) {
    if (order.emplace(index, std::move(place)).second) return {};
    return fail(ExitStatus::usage, fmt::format("option '-device': two devices have bootindex={}", index));
}

std::string place_of(DriveDescription const& drive) {
    if (drive.kind == DriveKind::floppy) return fmt::format("/pci@i0cf8/isa@1/fdc@03f0/floppy@{}", drive.unit);
    return fmt::format("/pci@i0cf8/ide@1,1/drive@{}/disk@{}", drive.unit / 2, drive.unit % 2);
}

void give_slots(VmSettings& settings) {
    constexpr u8 first_slot = 3;
    std::vector<std::optional<u8>*> slots;
    for (auto& nic : settings.net.nics)
        if (nic.card.model != NicModel::virtio) slots.push_back(&nic.card.slot);
    for (auto& device : settings.virtio) slots.push_back(&device.place.slot);
    u8 next = first_slot;
    for (auto* const slot : slots) {
        if (*slot) continue;
        while (std::ranges::any_of(slots, [next](auto const* other) { return *other == next; })) ++next;
        *slot = next;
    }
}

} // namespace

Result<void> add_boot_order(VmSettings& settings) {
    Order order;
    for (auto const& drive : settings.drives)
        if (drive.boot_index && drive.drive.kind != DriveKind::virtio_disk)
            TRY_VOID(add(order, *drive.boot_index, place_of(drive.drive)));
    bool const from_network =
        std::ranges::any_of(settings.net.nics, [](auto const& nic) { return nic.boot_index.has_value(); });
    auto const drive_of = [&](VirtioSettings const& device) -> DriveSettings const* {
        auto const* const disk = std::get_if<VirtioDiskSettings>(&device.device);
        return disk && settings.drives[disk->drive].boot_index ? &settings.drives[disk->drive] : nullptr;
    };
    if (from_network || std::ranges::any_of(settings.virtio, drive_of)) give_slots(settings);
    for (auto const& device : settings.virtio)
        if (auto const* const drive = drive_of(device))
            TRY_VOID(add(order, *drive->boot_index, fmt::format("/pci@i0cf8/scsi@{:x}/disk@0,0", *device.place.slot)));
    for (auto const& device : settings.virtio)
        if (auto const* const card = std::get_if<VirtioNetSettings>(&device.device))
            settings.net.nics[card->nic].card.slot = device.place.slot;
    for (auto const& nic : settings.net.nics)
        if (nic.boot_index)
            TRY_VOID(
                add(order, *nic.boot_index, fmt::format("/pci@i0cf8/ethernet@{:x}/ethernet-phy@0", *nic.card.slot)));
    if (order.empty()) return {};
    std::string text;
    for (auto const& [index, place] : order) text += place + "\n";
    if (settings.firmware.strict_order) text += "HALT\n"; // nothing else may be tried
    text.back() = '\0';
    settings.firmware.items.push_back({"bootorder", "", std::move(text)});
    return {};
}

} // namespace ring3::app
