#include "monitor/devices/board/virtio_cards.h"

#include <algorithm>

namespace ring3 {

namespace {

/// Slot 2 is the screen's.
constexpr u8 first_slot = 3, slot_count = 32;

bool plug(PciBus& bus, std::optional<u8> slot, PciFunction& function) {
    if (slot) return bus.plug(*slot, 0, function);
    for (u8 free = first_slot; free < slot_count; ++free)
        if (bus.plug(free, 0, function)) return true;
    return false;
}

} // namespace

void VirtioCards::attach(std::span<VirtioDescription const> devices, std::span<VirtioPort* const> ports, PciBus& bus) {
    cards_.resize(std::min(devices.size(), ports.size()));
    // Those that want a certain slot come first.
    for (std::size_t turn = 0; turn < 2 * cards_.size(); ++turn) {
        std::size_t const i = turn % cards_.size();
        VirtioDescription const& wanted = devices[i];
        if (wanted.slot.has_value() != (turn < cards_.size())) continue;
        auto card = std::make_unique<VirtioPci>(wanted, memory_, *ports[i]);
        if (plug(bus, wanted.slot, *card)) cards_[i] = std::move(card);
    }
}

VirtioUser* VirtioCards::device(unsigned number) {
    return number < cards_.size() && cards_[number] ? &cards_[number]->user() : nullptr;
}

} // namespace ring3
