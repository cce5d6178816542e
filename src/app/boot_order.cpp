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

void give_slots(NetSettings& net) {
    constexpr u8 first_slot = 3;
    auto const is_taken = [&](u8 slot) {
        return std::ranges::any_of(net.nics, [&](NicSettings const& nic) { return nic.card.slot == slot; });
    };
    u8 next = first_slot;
    for (auto& nic : net.nics) {
        while (is_taken(next)) ++next;
        if (!nic.card.slot) nic.card.slot = next;
    }
}

} // namespace

Result<void> add_boot_order(VmSettings& settings) {
    Order order;
    for (auto const& drive : settings.drives)
        if (drive.boot_index) TRY_VOID(add(order, *drive.boot_index, place_of(drive.drive)));
    bool const from_network =
        std::ranges::any_of(settings.net.nics, [](auto const& nic) { return nic.boot_index.has_value(); });
    if (from_network) give_slots(settings.net);
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
