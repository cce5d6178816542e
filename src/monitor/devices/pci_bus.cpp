#include "monitor/devices/pci_bus.h"

namespace ring3 {

bool PciBus::plug(unsigned slot, unsigned function, PciFunction& what) {
    PciFunction*& place = functions_[slot % 32][function % 8];
    if (place) return false;
    place = &what;
    what.plug_into(spaces_, interrupts_, {slot, function});
    return true;
}

void PciBus::reset() {
    address_ = {};
    reset_control_ = {};
    for_each([](unsigned, unsigned, PciFunction& function) { function.reset(); });
}

/// A window that has moved may have left a place that another one waits for.
void PciBus::map_windows() {
    for_each([](unsigned, unsigned, PciFunction& function) { function.map_windows(); });
}

PciFunction* PciBus::selected() const {
    if (!address_.has<Address::Enable>() || address_.get<Address::Bus>() != 0) return nullptr;
    return functions_[address_.get<Address::Slot>()][address_.get<Address::Function>()];
}

u32 PciBus::read_data(u16 offset, unsigned bytes) {
    PciFunction* const function = selected();
    return function ? function->guest_reads_config(config_offset(offset), bytes) : 0xffff'ffff;
}

void PciBus::write_data(u16 offset, u32 value, unsigned bytes) {
    PciFunction* function = selected();
    if (!function) return;
    function->write_config(config_offset(offset), value, bytes);
    map_windows();
}

u8 PciBus::read(u16 offset) {
    if (offset >= data_offset) return static_cast<u8>(read_data(offset, 1));
    return offset == reset_control_offset ? reset_control_.raw : 0xff;
}

void PciBus::write(u16 offset, u8 value) {
    if (offset >= data_offset) return write_data(offset, value, 1);
    if (offset != reset_control_offset) return; // "anything other than a dword access passes to the bus": nobody there
    ResetControl const next{{value}};
    reset_control_ = ResetControl{}.with<ResetControl::Hard>(next.get<ResetControl::Hard>());
    if (next.has<ResetControl::Reset>()) reset_.pulse();
}

u32 PciBus::read_wide(u16 offset, unsigned bytes) {
    if (offset == 0 && bytes == 4) return address_.raw;
    bool const one_dword = offset >= data_offset && offset % 4u + bytes <= 4;
    return one_dword ? read_data(offset, bytes) : PortDevice::read_wide(offset, bytes);
}

void PciBus::write_wide(u16 offset, u32 value, unsigned bytes) {
    if (offset == 0 && bytes == 4) {
        address_.raw = static_cast<u32>(
            value & mask_of<Address::Register, Address::Function, Address::Slot, Address::Bus, Address::Enable>());
        return;
    }
    bool const one_dword = offset >= data_offset && offset % 4u + bytes <= 4;
    if (one_dword)
        write_data(offset, value, bytes);
    else
        PortDevice::write_wide(offset, value, bytes);
}

} // namespace ring3
