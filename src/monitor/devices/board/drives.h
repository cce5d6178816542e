// The board's drives: the IDE interface with up to four of them, and the floppy controller with its DMA controllers, at the
// places and interrupt lines of every PC.
#pragma once

#include "monitor/devices/board/interrupt_lines.h"
#include "monitor/devices/bus/block.h"
#include "monitor/devices/floppy_controller.h"
#include "monitor/devices/mc146818.h"
#include "monitor/devices/piix_ide.h"

#include <span>

namespace ring3 {

class Drives {
public:
    Drives(DmaMemory& memory, InterruptLines& irqs)
        : ide_irqs_{IrqWire{irqs, 14}, IrqWire{irqs, 15}},
          floppy_irq_{irqs, 6},
          ide_{memory, ide_irqs_[0], ide_irqs_[1]},
          dma_{memory} {}

    /// Puts drives in. `disks` has as many elements; each outlives this.
    void attach(std::span<DriveDescription const> drives, std::span<BlockPort* const> disks);
    void claim_ports(PortBus& ports);
    /// What firmware looks up: types of the floppy drives, and how disks are addressed.
    void fill_cmos(Mc146818& cmos) const;
    PiixIde& ide() { return ide_; }
    FloppyController& floppy() { return floppy_; }
    Dma8237& dma() { return dma_; }
    /// Another medium, or none, is in a removable drive; its BlockPort says which.
    void medium_changed(DriveKind kind, unsigned unit);
    /// The PCI bus resets its function.
    void reset();

    void visit(auto&& archive) {
        ide_.visit(archive);
        dma_.visit(archive);
        floppy_.visit(archive);
    }

private:
    void fill_disk_type(Mc146818& cmos, unsigned unit) const;

    std::array<IrqWire, PiixIde::channel_count> ide_irqs_;
    IrqWire floppy_irq_;
    PiixIde ide_;
    Dma8237 dma_;
    FloppyController floppy_{dma_, floppy_irq_};
    std::array<DiskGeometry, ide_units> geometries_{}; // of hard disks; no heads: there is none
};

} // namespace ring3
