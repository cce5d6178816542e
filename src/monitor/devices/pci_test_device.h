// pci-testdev: a PCI function on which guests measure what a register access costs.
//
// BAR 0 is memory, BAR 1 ports. Each begins with a header, which describes the test that the guest has chosen:
//
//     +0  W  byte   begins test n of this BAR
//     +1  R  byte   how wide this test's writes are (1, 2 or 4); anything else: there is no such test
//     +4  R  dword  where in the BAR to write
//     +8  R  dword  what to write
//     +12 R  dword  how many such writes there were
//     +16 R         the test's name, with a 0 at its end
//
// Models: one test per BAR, of byte writes. Missing: QEMU's further tests, which are about its own event descriptors.
// Totality: other writes and reads elsewhere do nothing and give 0; the counter wraps.
// Source: QEMU's docs/specs/pci-testdev.
#pragma once

#include "monitor/devices/pci_function.h"

#include <string_view>

namespace ring3 {

class PciTestDevice final : public PciFunction {
public:
    static constexpr u16 memory_size = 0x1000, port_count = 0x100;

    PciTestDevice();
    void reset() override;

    void visit(auto&& archive) {
        archive("testdev.memory_chosen", memory_.bar.chosen);
        archive("testdev.memory_writes", memory_.bar.writes);
        archive("testdev.ports_chosen", ports_.bar.chosen);
        archive("testdev.ports_writes", ports_.bar.writes);
        PciFunction::visit(archive);
    }

private:
    /// What the two kinds of BAR have in common.
    struct Bar {
        u8 read(u32 offset) const;
        void write(u32 offset, u8 value);

        u32 target;            // where the test's writes go
        std::string_view name; // without the 0
        bool chosen{};
        u32 writes{};
    };
    struct Memory final : MmioDevice {
        u64 read(u64 offset, unsigned bytes) override;
        void write(u64 offset, u64 value, unsigned bytes) override;
        Bar bar{memory_size / 2, "mmio-no-eventfd"};
    };
    struct Ports final : PortDevice {
        u8 read(u16 offset) override { return bar.read(offset); }
        void write(u16 offset, u8 value) override { bar.write(offset, value); }
        Bar bar{port_count / 2, "portio-no-eventfd"};
    };

    Memory memory_;
    Ports ports_;
};

} // namespace ring3
