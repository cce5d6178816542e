#include "base/pc_addresses.h"
#include "boot/aml.h"
#include "boot/firmware_tables.h"

namespace ring3::boot {

namespace {

using namespace aml;

/// \_S5: what PM1_CNT.SLP_TYP has to be for soft-off (ACPI 7.4.2).
Term soft_off() {
    return name("\\_S5", package({integer(pc::s5_sleep_type), integer(0), integer(0), integer(0)}));
}

/// _PRT (ACPI 6.2.13): every pin of every slot, wired straight to an interrupt input.
Term interrupt_routing() {
    constexpr unsigned slots = 32, pins = 4;
    std::vector<Term> routes;
    for (unsigned slot = 0; slot < slots; ++slot)
        for (unsigned pin = 0; pin < pins; ++pin)
            routes.push_back(
                package({integer(slot << 16 | 0xffff), integer(pin), integer(0), integer(pc::pci_irq(slot, pin))}));
    return name("_PRT", package(routes));
}

/// What of the address space the host bridge passes on: all but its own configuration ports and RAM.
Term bridge_resources() {
    return name("_CRS", resource_template({
                            bus_numbers({0, 0xff}),
                            io_ports(pc::pci_config_address, 8),
                            port_window({0, pc::pci_config_address - 1u}),
                            port_window({pc::pci_config_address + 8u, 0xffff}),
                            memory_window({pc::video_memory, pc::option_roms - 1}),
                            memory_window({pc::pci_hole, pc::io_apic - 1}),
                        }));
}

Term isa_device(std::string_view segment, std::string_view id, u32 unique, Term const& resources) {
    return device(segment, name("_HID", eisa_id(id)) + name("_UID", integer(unique)) + name("_CRS", resources));
}

Term isa_devices() {
    constexpr u16 keyboard_data = 0x60, keyboard_status = 0x64, rtc_index = 0x70;
    return isa_device("RTC", "PNP0B00", 0, resource_template({io_ports(rtc_index, 2), irq(pc::rtc_irq)})) +
           isa_device(
               "KBD", "PNP0303", 0,
               resource_template({io_ports(keyboard_data, 1), io_ports(keyboard_status, 1), irq(pc::keyboard_irq)})) +
           isa_device("MOU", "PNP0F13", 0, resource_template({irq(pc::mouse_irq)})) +
           isa_device("COM1", "PNP0501", 1, resource_template({io_ports(pc::com1, 8), irq(pc::com1_irq)})) +
           isa_device("COM2", "PNP0501", 2, resource_template({io_ports(pc::com2, 8), irq(pc::com2_irq)}));
}

} // namespace

std::vector<u8> make_dsdt() {
    constexpr u32 isa_bridge_address = 1 << 16; // device 1, function 0
    Term const host_bridge = device(
        "PCI0", name("_HID", eisa_id("PNP0A03")) + name("_UID", integer(0)) + bridge_resources() + interrupt_routing() +
                    device("ISA", name("_ADR", integer(isa_bridge_address)) + isa_devices()));
    return (soft_off() + scope("\\_SB", host_bridge)).bytes;
}

} // namespace ring3::boot
