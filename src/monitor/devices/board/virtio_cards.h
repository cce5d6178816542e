// The board's virtio devices, in the slots of the PCI bus.
#pragma once

#include "monitor/devices/pci_bus.h"
#include "monitor/devices/virtio/virtio_pci.h"

#include <memory>
#include <span>

namespace ring3 {

class VirtioCards {
public:
    explicit VirtioCards(DmaMemory& memory) : memory_{memory} {}
    VirtioCards(VirtioCards const&) = delete;

    /// Makes the devices and plugs them in; one that finds no slot is not there. `ports` has as many elements; each
    /// outlives this.
    void attach(std::span<VirtioDescription const> devices, std::span<VirtioPort* const> ports, PciBus& bus);

    /// Device 0 is the first of the configuration; nullptr: it is not there.
    VirtioUser* device(unsigned number);

    void visit(auto&& archive) {
        for (std::size_t i = 0; i < cards_.size(); ++i)
            if (cards_[i])
                cards_[i]->visit([&, prefix = "virtio" + std::to_string(i) + "."](std::string_view name, auto& value) {
                    archive(prefix + std::string{name}, value);
                });
    }

private:
    DmaMemory& memory_;
    std::vector<std::unique_ptr<VirtioPci>> cards_;
};

} // namespace ring3
