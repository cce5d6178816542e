// The devices for test kernels, if somebody asked for them: pc-testdev on the ISA bus, pci-testdev in the first free slot.
#pragma once

#include "monitor/devices/board/interrupt_lines.h"
#include "monitor/devices/pci_bus.h"
#include "monitor/devices/pci_test_device.h"
#include "monitor/devices/test_device.h"

#include <memory>

namespace ring3 {

class TestCards final : TestLines {
public:
    explicit TestCards(InterruptLines& irqs) : irqs_{irqs} {}
    TestCards(TestCards const&) = delete;

    /// To be called when the other ports are taken: those that another device has are not reached.
    void attach_isa(PortBus& ports, MmioBus& mmio);
    void attach_pci(PciBus& bus);

    void visit(auto&& archive) {
        if (isa_) isa_->visit(archive);
        if (pci_)
            pci_->visit(
                [&archive](std::string_view name, auto& value) { archive("pci_testdev." + std::string{name}, value); });
    }

private:
    void set_line(unsigned irq, bool high) override {
        if (irq < pc::isa_irq_count) irqs_.set(irq, InterruptLines::Driver::test, high);
    }

    InterruptLines& irqs_;
    std::unique_ptr<TestDevice> isa_;
    std::unique_ptr<PciTestDevice> pci_;
};

} // namespace ring3
