#include "monitor/devices/board/test_cards.h"

namespace ring3 {

namespace {
/// Slots as QEMU gives them out; slot 2 is the screen's.
constexpr unsigned first_slot = 3, slot_count = 32;
} // namespace

void TestCards::attach_isa(PortBus& ports, MmioBus& mmio) {
    isa_ = std::make_unique<TestDevice>(static_cast<TestLines&>(*this));
    auto const claim = [&ports](PortRange range, PortDevice& device) { static_cast<void>(ports.claim(range, device)); };
    claim(TestDevice::dword_ports, isa_->dword_port());
    claim(TestDevice::flush_ports, isa_->flush_port());
    claim(TestDevice::byte_ports, isa_->byte_port());
    claim(TestDevice::line_ports, isa_->line_port());
    static_cast<void>(mmio.claim({{TestDevice::memory_base}, TestDevice::memory_size}, isa_->memory()));
}

void TestCards::attach_pci(PciBus& bus) {
    pci_ = std::make_unique<PciTestDevice>();
    for (unsigned slot = first_slot; slot < slot_count; ++slot)
        if (bus.plug(slot, 0, *pci_)) return;
}

} // namespace ring3
