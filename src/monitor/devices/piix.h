// The chip set's PCI functions: host bridge (i440FX), ISA bridge (PIIX3), power management (PIIX4). The mixture is QEMU's
// machine `pc`, which guests have seen most.
//
// Models: identities; the host bridge's PAM registers; the ISA bridge's PIRQ routing; the PM function's base address and
//         enable bit, which move the PM block.
// Missing: SMRAM (the register is kept and changes nothing: there is no system management mode, and DEVACTB says, as QEMU's
//          does without SMM, that firmware has set it up already), the SMBus controller.
// Source: 82441FX data sheet (290549); 82371SB (290550) 2.2.10 (PIRQRC); 82371AB (290562) 7.1 (PMBA, PMREGMISC).
#pragma once

#include "base/reg.h"
#include "monitor/devices/acpi_pm.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/pci_function.h"
#include "monitor/devices/shadow_ram.h"

namespace ring3 {

/// What registers hold at power-on that firmware sets up: a board without firmware starts as if one had run.
enum class PowerOn : u8 { as_reset, as_firmware_leaves };

class HostBridge final : public PciFunction {
public:
    HostBridge(ShadowRam& shadow, PowerOn state);
    void reset() override;

private:
    static constexpr u8 first_pam = 0x59, pams = 7;
    void config_written(u8 offset, unsigned bytes) override;
    void switch_memory();

    ShadowRam& shadow_;
    PowerOn const state_;
};

class IsaBridge final : public PciFunction {
public:
    static constexpr unsigned pirq_count = 4, irq_count = 16;
    /// One line per IRQ; an empty pointer where no PCI interrupt may go (0, 1, 2, 8, 13).
    using IrqLines = std::array<Line*, irq_count>;

    /// `routes`: the IRQs to which firmware routes PIRQA# .. PIRQD#.
    IsaBridge(IrqLines irqs, std::array<u8, pirq_count> routes, PowerOn state);
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
    PowerOn const state_;
    u8 asserted_{}; // one bit per PIRQ
};

class PowerManagementFunction final : public PciFunction {
public:
    PowerManagementFunction(PortBus& ports, AcpiPm& pm, u16 base, u8 sci_irq, PowerOn state);
    void reset() override;

private:
    static constexpr u8 pm_base = 0x40, device_activity_b = 0x58, misc = 0x80;
    void config_written(u8 offset, unsigned bytes) override;
    void map();

    PortBus& ports_;
    AcpiPm& pm_;
    u16 const firmware_base_;
    u8 const sci_irq_;
    PowerOn const state_;
    u16 mapped_{}; // where the block answers; 0: nowhere
};

} // namespace ring3
