#include "monitor/devices/board/network_cards.h"

#include <algorithm>

namespace ring3 {

namespace {
/// Where QEMU's machines begin with cards; slot 2 is the screen's.
constexpr u8 first_slot = 3, slot_count = 32;
} // namespace

void NetworkCards::attach(std::span<NicDescription const> cards, std::span<FramePort* const> ports, PciBus& bus) {
    slots_.resize(std::min(cards.size(), ports.size()));
    // Those that want a certain slot come first.
    for (std::size_t turn = 0; turn < 2 * slots_.size(); ++turn) {
        std::size_t const i = turn % slots_.size();
        NicDescription const& wanted = cards[i];
        if (wanted.slot.has_value() != (turn < slots_.size())) continue;
        Slot& slot = slots_[i];
        slot.rom = wanted.rom;
        if (wanted.model == NicModel::e1000)
            put(slot.e1000, std::make_unique<E1000>(timers_, memory_, *ports[i], wanted.mac, slot.rom), wanted, bus);
        else
            put(slot.rtl8139, std::make_unique<Rtl8139>(memory_, *ports[i], wanted.mac, slot.rom), wanted, bus);
    }
}

bool NetworkCards::plug(PciBus& bus, std::optional<u8> slot, PciFunction& function) {
    if (slot) return bus.plug(*slot, 0, function);
    for (u8 free = first_slot; free < slot_count; ++free)
        if (bus.plug(free, 0, function)) return true;
    return false;
}

NetworkCard* NetworkCards::card(unsigned number) {
    if (number >= slots_.size()) return nullptr;
    if (slots_[number].rtl8139) return slots_[number].rtl8139.get();
    return slots_[number].e1000.get();
}

} // namespace ring3
