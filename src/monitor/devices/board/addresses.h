// What the board's wiring knows beyond base/pc_addresses.h, which it shares with the firmware tables.
#pragma once

#include "base/pc_addresses.h"

namespace ring3::pc {

inline constexpr unsigned isa_irq_count = 16;
inline constexpr u8 lpt1_irq = 7;
inline constexpr u8 fpu_irq = 13;
inline constexpr u8 local_apic_id = 0;

inline constexpr u16 com_ports[4] = {com1, com2, 0x3e8, 0x2e8};
inline constexpr u8 com_irqs[4] = {com1_irq, com2_irq, com1_irq, com2_irq};
inline constexpr u16 lpt1 = 0x378;

/// `ring3 run`'s helper in the guest (run_control.h): exit status, and "input wanted".
inline constexpr u16 run_control = 0x4f0;

// ---- PCI: the functions of bus 0, and the IRQs that firmware routes PIRQA# .. PIRQD# to
inline constexpr u8 host_bridge_slot = 0;
inline constexpr u8 isa_bridge_slot = 1;
inline constexpr u8 graphics_slot = 2;
/// Where windows are placed if no firmware does it.
inline constexpr u16 pci_ports = 0xc000, pci_ports_end = 0xff00;
inline constexpr u32 pci_memory = 0xe000'0000;
constexpr unsigned pirq_of(unsigned slot, unsigned pin) {
    return (slot + 3 + pin) % 4;
}
inline constexpr u8 pirq_irqs[4] = {10, 10, 11, 11}; // SeaBIOS routes them so, too
static_assert(pirq_irqs[pirq_of(1, 0)] == pci_irq(1, 0) && pirq_irqs[pirq_of(1, 1)] == pci_irq(1, 1) &&
                  pirq_irqs[pirq_of(2, 0)] == pci_irq(2, 0) && pirq_irqs[pirq_of(7, 3)] == pci_irq(7, 3),
              "the routing that the ACPI tables announce");

} // namespace ring3::pc
