// The wires between the slots' interrupt pins and the ISA bridge's four PIRQ inputs. Several pins share an input: it is
// asserted while one of them is.
#pragma once

#include "monitor/devices/board/addresses.h"
#include "monitor/devices/piix.h"

#include <array>

namespace ring3 {

class PciInterruptWires final : public PciInterrupts {
public:
    explicit PciInterruptWires(IsaBridge& bridge) : bridge_{bridge} {}

    void set_intx(unsigned slot, unsigned function, unsigned pin, bool asserted) override {
        u8& functions = asserted_[slot % slots * pins + pin % pins];
        u8 const before = functions;
        u8 const bit = static_cast<u8>(1u << function % 8);
        functions = static_cast<u8>(asserted ? functions | bit : functions & ~bit);
        if ((before != 0) == (functions != 0)) return;
        u8& count = counts_[pc::pirq_of(slot % slots, pin % pins)];
        count = static_cast<u8>(functions != 0 ? count + 1 : count - 1);
        bridge_.set_pirq(pc::pirq_of(slot % slots, pin % pins), count != 0);
    }

    void visit(auto&& archive) {
        archive("pci.intx_pins", asserted_);
        archive("pci.intx_counts", counts_);
    }

private:
    static constexpr unsigned slots = 32, pins = 4;
    IsaBridge& bridge_;
    std::array<u8, slots * pins> asserted_{}; // a bit for each function
    std::array<u8, pins> counts_{};           // by PIRQ: pins that are asserted; 32 at most
};

} // namespace ring3
