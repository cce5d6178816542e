// The board's network cards, in the slots of the PCI bus.
#pragma once

#include "base/network.h"
#include "monitor/devices/bus/clock.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/e1000.h"
#include "monitor/devices/pci_bus.h"
#include "monitor/devices/rtl8139.h"

#include <memory>
#include <span>

namespace ring3 {

class NetworkCards {
public:
    NetworkCards(TimerQueue& timers, DmaMemory& memory) : timers_{timers}, memory_{memory} {}
    NetworkCards(NetworkCards const&) = delete;

    /// Makes the cards and plugs them in; a card that finds no slot is not there. `ports` has as many elements; each
    /// outlives this.
    void attach(std::span<NicDescription const> cards, std::span<FramePort* const> ports, PciBus& bus);

    /// Card 0 is the first of the configuration; nullptr: it is not there.
    NetworkCard* card(unsigned number);

    void visit(auto&& archive) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            std::string const prefix = "nic" + std::to_string(i) + ".";
            auto const in = [&](std::string_view name, auto& value) { archive(prefix + std::string{name}, value); };
            if (slots_[i].e1000) slots_[i].e1000->visit(in);
            if (slots_[i].rtl8139) slots_[i].rtl8139->visit(in);
        }
    }

private:
    struct Slot {
        std::vector<u8> rom;
        std::unique_ptr<E1000> e1000; // one of these, or none
        std::unique_ptr<Rtl8139> rtl8139;
    };
    template <class Card>
    static void put(std::unique_ptr<Card>& place, std::unique_ptr<Card> card, NicDescription const& wanted,
                    PciBus& bus) {
        card->set_link(wanted.link);
        if (plug(bus, wanted.slot, *card)) place = std::move(card);
    }
    static bool plug(PciBus& bus, std::optional<u8> slot, PciFunction& function);

    TimerQueue& timers_;
    DmaMemory& memory_;
    std::vector<Slot> slots_;
};

} // namespace ring3
