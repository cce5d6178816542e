// The sixteen interrupt request lines of the ISA bus. Each may have several drivers; each ends at the 8259A pair and at the
// I/O APIC, and it is the guest that decides which of the two it listens to.
#pragma once

#include "monitor/devices/board/addresses.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/io_apic.h"
#include "monitor/devices/pic8259.h"
#include "monitor/devices/piix.h"

#include <array>

namespace ring3 {

class InterruptLines {
public:
    enum class Driver : u8 { isa, second_isa, pci, test };

    InterruptLines(PicPair& pic, IoApic& io_apic) : pic_{pic}, io_apic_{io_apic} {}

    void set(unsigned irq, Driver driver, bool high) {
        u8 const bit = static_cast<u8>(1u << static_cast<unsigned>(driver));
        u8& drivers = drivers_[irq % drivers_.size()];
        drivers = static_cast<u8>(high ? drivers | bit : drivers & ~bit);
        pic_.set_irq(irq, drivers != 0);
        if (irq != 2) io_apic_.set_pin(irq == 0 ? pc::timer_gsi : irq, drivers != 0);
    }

    void visit(auto&& archive) { archive("irq.drivers", drivers_); }

private:
    PicPair& pic_;
    IoApic& io_apic_;
    std::array<u8, pc::isa_irq_count> drivers_{};
};

/// One driver's end of an interrupt line.
class IrqWire final : public Line {
public:
    using Driver = InterruptLines::Driver;
    IrqWire(InterruptLines& lines, unsigned irq, Driver driver = Driver::isa)
        : lines_{lines}, irq_{irq}, driver_{driver} {}
    void set(bool high) override { lines_.set(irq_, driver_, high); }
    unsigned irq() const { return irq_; }

private:
    InterruptLines& lines_;
    unsigned irq_;
    Driver driver_;
};

/// The PCI bus's ends: the IRQs that PIRQ routing may choose (PIIX3 2.2.10); the others belong to the board itself.
class PciIrqWires {
public:
    explicit PciIrqWires(InterruptLines& lines)
        : wires_{{{lines, 3, pci},
                  {lines, 4, pci},
                  {lines, 5, pci},
                  {lines, 6, pci},
                  {lines, 7, pci},
                  {lines, 9, pci},
                  {lines, 10, pci},
                  {lines, 11, pci},
                  {lines, 12, pci},
                  {lines, 14, pci},
                  {lines, 15, pci}}} {}
    IsaBridge::IrqLines lines() {
        IsaBridge::IrqLines result{};
        for (IrqWire& wire : wires_) result[wire.irq()] = &wire;
        return result;
    }

private:
    static constexpr auto pci = InterruptLines::Driver::pci;
    std::array<IrqWire, 11> wires_;
};

} // namespace ring3
