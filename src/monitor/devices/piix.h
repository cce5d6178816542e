// The chip set's PCI functions: host bridge (i440FX), ISA bridge (PIIX3), power management (PIIX4). The mixture is QEMU's
// machine `pc`, which guests have seen most.
//
// Models: identities; the ISA bridge's PIRQ routing; the PM function's base address and enable bit, which move the PM block.
// Missing: what the host bridge does to memory (PAM, SMRAM: the registers are kept and change nothing), the SMBus controller.
// Source: 82441FX data sheet (290549); 82371SB (290550) 2.2.10 (PIRQRC); 82371AB (290562) 7.1 (PMBA, PMREGMISC).
#pragma once

#include "base/reg.h"
#include "monitor/devices/acpi_pm.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/pci_function.h"

namespace ring3 {

class HostBridge final : public PciFunction {
public:
    HostBridge();
    void reset() override;
};

class IsaBridge final : public PciFunction {
public:
    static constexpr unsigned pirq_count = 4, irq_count = 16;
    /// One line per IRQ; an empty pointer where no PCI interrupt may go (0, 1, 2, 8, 13).
    using IrqLines = std::array<Line*, irq_count>;

    /// `routes`: the IRQs to which firmware routes PIRQA# .. PIRQD#.
    IsaBridge(IrqLines irqs, std::array<u8, pirq_count> routes);
    void set_pirq(unsigned number, bool asserted);
    void reset() override;

    void visit(auto&& archive) {
        archive("piix3.asserted", asserted_); // before the routes, which drive lines by it
        PciFunction::visit(archive);
    }

private:
    struct Route : Reg<Route, u8> {
        using Irq = Field<3, 0>;
        using Disabled = Field<7>;
    };
    static constexpr u8 first_route = 0x60;
    void config_written(u8 offset, unsigned bytes) override;
    void drive();

    IrqLines irqs_;
    std::array<u8, pirq_count> firmware_routes_;
    u8 asserted_{}; // one bit per PIRQ
};

class PowerManagementFunction final : public PciFunction {
public:
    PowerManagementFunction(PortBus& ports, AcpiPm& pm, u16 base, u8 sci_irq);
    void reset() override;

private:
    static constexpr u8 pm_base = 0x40, misc = 0x80;
    void config_written(u8 offset, unsigned bytes) override;
    void map();

    PortBus& ports_;
    AcpiPm& pm_;
    u16 const firmware_base_;
    u8 const sci_irq_;
    u16 mapped_{}; // where the block answers; 0: nowhere
};

} // namespace ring3
