// Addresses and interrupts for PCI functions, for a guest that is started without firmware: operating systems expect to
// find both assigned.
#pragma once

#include "monitor/devices/pci_bus.h"

namespace ring3 {

/// Gives every window a place of its own (largest first in each space), every interrupt pin its line number, and lets the
/// functions decode. What does not fit is left unassigned, as firmware does.
void assign_pci_resources(PciBus& bus);

} // namespace ring3
