// The board's drives: the IDE interface with up to four of them, at the places and interrupt lines of every PC.
#pragma once

#include "monitor/devices/board/interrupt_lines.h"
#include "monitor/devices/bus/block.h"
#include "monitor/devices/piix_ide.h"

#include <span>

namespace ring3 {

class Drives {
public:
    Drives(DmaMemory& memory, InterruptLines& irqs)
        : ide_irqs_{IrqWire{irqs, 14}, IrqWire{irqs, 15}}, ide_{memory, ide_irqs_[0], ide_irqs_[1]} {}

    /// Puts drives in. `disks` has as many elements; each outlives this.
    void attach(std::span<DriveDescription const> drives, std::span<BlockPort* const> disks);
    void claim_ports(PortBus& ports);
    PiixIde& ide() { return ide_; }

    void visit(auto&& archive) { ide_.visit(archive); }

private:
    std::array<IrqWire, PiixIde::channel_count> ide_irqs_;
    PiixIde ide_;
};

} // namespace ring3
