// PCI bus 0 and configuration mechanism 1: an address at CF8h, a window at CFCh.
//
// Models: CF8h as a register of whole dwords only, byte, word and dword data accesses, the absent functions' all ones; and
//         port CF9h, the PIIX3's reset control register, which lies inside the address register's dword.
// Missing: other buses, special cycles (writes to function 7, register 0 of device 31 are lost like any other).
// Source: PCI Local Bus Specification 2.1, 3.7.4.1; 82371SB PIIX3 data sheet (290550) 2.6.5 (RC).
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"
#include "monitor/devices/pci_function.h"

namespace ring3 {

class PciBus final : public PortDevice {
public:
    static constexpr PortRange ports{0xcf8, 8};

    PciBus(Line& reset_pin, PciSpaces const& spaces, PciInterrupts& interrupts)
        : reset_{reset_pin}, spaces_{spaces}, interrupts_{interrupts} {}

    /// Puts a function into a slot. Functions outlive the bus. False: somebody is there already.
    [[nodiscard]] bool plug(unsigned slot, unsigned function, PciFunction& what);
    /// What is plugged in there; nullptr: nothing.
    PciFunction* function(unsigned slot, unsigned function) const { return functions_[slot % 32][function % 8]; }
    /// Calls `act(slot, function, PciFunction&)` for all of them.
    void for_each(auto&& act) const {
        for (unsigned slot = 0; slot < functions_.size(); ++slot)
            for (unsigned number = 0; number < functions_[slot].size(); ++number)
                if (functions_[slot][number]) act(slot, number, *functions_[slot][number]);
    }

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    u32 read_wide(u16 offset, unsigned bytes) override;
    void write_wide(u16 offset, u32 value, unsigned bytes) override;
    /// RST#, which all functions see.
    void reset();

    void visit(auto&& archive) {
        archive("pci.address", address_.raw);
        archive("pci.reset_control", reset_control_.raw);
    }

private:
    struct Address : Reg<Address, u32> {
        using Register = Field<7, 2>;
        using Function = Field<10, 8>;
        using Slot = Field<15, 11>;
        using Bus = Field<23, 16>;
        using Enable = Field<31>;
    };
    struct ResetControl : Reg<ResetControl, u8> {
        using Hard = Field<1>;
        using Reset = Field<2>; // resets as it rises, and reads as 0 again
    };
    static constexpr u16 reset_control_offset = 1, data_offset = 4;

    PciFunction* selected() const;
    u32 read_data(u16 offset, unsigned bytes);
    void write_data(u16 offset, u32 value, unsigned bytes);
    void map_windows();
    u8 config_offset(u16 offset) const { return static_cast<u8>(address_.get<Address::Register>() * 4 + offset % 4); }

    Line& reset_;
    PciSpaces spaces_;
    PciInterrupts& interrupts_;
    std::array<std::array<PciFunction*, 8>, 32> functions_{};
    Address address_{};
    ResetControl reset_control_{};
};

} // namespace ring3
