#include "base/pc_addresses.h"
#include "boot/byte_writer.h"
#include "boot/firmware_tables.h"

namespace ring3::boot {

namespace {

// MP 4.3: entry types, in ascending order as the specification demands.
constexpr u8 processor_entry = 0, bus_entry = 1, io_apic_entry = 2, io_interrupt_entry = 3, local_interrupt_entry = 4;
constexpr u8 pci_bus = 0, isa_bus = 1;
constexpr u8 every_local_apic = 0xff;
constexpr u8 vectored = 0, nmi = 1, external = 3; // interrupt types (4.3.4)
constexpr u16 as_bus_says = 0, level_active_high = 0x000d;

/// The entries behind the header, and how many there are.
struct Entries {
    ByteWriter bytes;
    u16 count{};
    ByteWriter& next(u8 type) {
        ++count;
        return bytes.add(type);
    }
    void interrupt(u8 entry, u8 type, u16 flags, u8 bus, u8 bus_irq, u8 apic, u8 input) {
        next(entry).add(type).add(flags).add(bus).add(bus_irq).add(apic).add(input);
    }
};

void add_processor(Entries& t) {
    constexpr u8 integrated_apic = 0x14, enabled_boot = 3;
    constexpr u32 signature_family_6 = 0x600, has_fpu_and_apic = 0x201;
    t.next(processor_entry)
        .add(u8{0})
        .add(integrated_apic)
        .add(enabled_boot)
        .add(signature_family_6)
        .add(has_fpu_and_apic)
        .add(u64{0});
}

void add_buses(Entries& t) {
    t.next(bus_entry).add(pci_bus).text("PCI   ");
    t.next(bus_entry).add(isa_bus).text("ISA   ");
}

void add_io_apic(Entries& t) {
    constexpr u8 version = 0x11, usable = 1;
    t.next(io_apic_entry).add(pc::io_apic_id).add(version).add(usable).add(pc::io_apic);
}

bool is_pci_irq(u8 irq) {
    return irq == pc::pci_irq(0, 0) || irq == pc::pci_irq(0, 1);
}

/// PCI interrupts name slot and pin in the "bus IRQ" field (D.3). ISA's go to the input of their number, the timer's
/// to its own, and 2 is the cascade of the 8259A pair.
void add_interrupts(Entries& t) {
    constexpr u8 slots = 32, pins = 4, cascade = 2;
    for (u8 slot = 0; slot < slots; ++slot)
        for (u8 pin = 0; pin < pins; ++pin)
            t.interrupt(io_interrupt_entry, vectored, level_active_high, pci_bus, static_cast<u8>(slot << 2 | pin),
                        pc::io_apic_id, pc::pci_irq(slot, pin));
    for (u8 irq = 0; irq < 16; ++irq) {
        if (irq == cascade || is_pci_irq(irq)) continue;
        u8 const input = irq == pc::timer_irq ? pc::timer_gsi : irq;
        u16 const flags = irq == pc::sci_irq ? level_active_high : as_bus_says;
        t.interrupt(io_interrupt_entry, vectored, flags, isa_bus, irq, pc::io_apic_id, input);
    }
    t.interrupt(local_interrupt_entry, external, as_bus_says, isa_bus, 0, every_local_apic, 0);
    t.interrupt(local_interrupt_entry, nmi, as_bus_says, isa_bus, 0, every_local_apic, 1);
}

} // namespace

std::vector<u8> make_mp_table() {
    constexpr std::size_t header_size = 44, checksum_at = 7;
    constexpr u8 version_1_4 = 4;
    Entries entries;
    add_processor(entries);
    add_buses(entries);
    add_io_apic(entries);
    add_interrupts(entries);

    ByteWriter table; // 4.2
    table.text("PCMP").add(static_cast<u16>(header_size + entries.bytes.size())).add(version_1_4).add(u8{0});
    table.text("RING3   ").text("RING3 PC    ").add(u32{0}).add(u16{0});
    table.add(entries.count).add(pc::local_apic).add(u32{0}).append(entries.bytes.bytes());
    auto bytes = table.bytes();
    set_checksum(bytes, checksum_at, bytes.size());
    return bytes;
}

} // namespace ring3::boot
