#include "base/pc_addresses.h"
#include "boot/byte_writer.h"
#include "boot/firmware_tables.h"
#include "boot/table_loader.h"

#include <string_view>
#include <utility>

namespace ring3::boot {

namespace {

/// System description table header (5.2.6) around a body.
std::vector<u8> described(std::string_view signature, u8 revision, std::vector<u8> const& body) {
    constexpr std::size_t header_size = 36, checksum_at = 9;
    ByteWriter table;
    table.text(signature).add(static_cast<u32>(header_size + body.size())).add(revision).add(u8{0});
    table.text("RING3 ").text("RING3PC ").add(u32{1}).text("RNG3").add(u32{1});
    auto bytes = table.append(body).bytes();
    set_checksum(bytes, checksum_at, bytes.size());
    return bytes;
}

/// Generic address structure (5.2.3.2).
void add_generic_address(ByteWriter& table, u8 bits, u16 port) {
    constexpr u8 system_io = 1;
    table.add(port == 0 ? u8{0} : system_io).add(bits).add(u8{0}).add(u8{0}).add(u64{port});
}

/// Fixed ACPI description table, revision 3 (5.2.9; layout of ACPI 2.0). Names as there.
std::vector<u8> fadt(u32 facs, u32 dsdt) {
    constexpr u16 no_c2 = 101, no_c3 = 1001;
    constexpr u8 preferred_profile_desktop = 1, cmos_century = 0x32;
    constexpr u16 boot_legacy_devices = 1, boot_8042 = 2;
    constexpr u32 wbinvd = 1 << 0, proc_c1 = 1 << 2, no_fixed_sleep_button = 1 << 5, rtc_not_fixed = 1 << 6,
                  reset_register = 1 << 10;
    ByteWriter t;
    t.add(facs).add(dsdt).add(u8{0}).add(preferred_profile_desktop).add(u16{pc::sci_irq});
    t.add(u32{pc::smi_command}).add(pc::acpi_enable).add(pc::acpi_disable).add(u8{0}).add(u8{0});
    t.add(u32{pc::pm1a_event}).add(u32{0}).add(u32{pc::pm1a_control}).add(u32{0}); // PM1a, PM1b, twice
    t.add(u32{0}).add(u32{pc::pm_timer}).add(u32{pc::gpe0}).add(u32{0});           // PM2, timer, GPE0, GPE1
    t.add(u8{4}).add(u8{2}).add(u8{0}).add(u8{4}).add(pc::gpe0_length).zeros(3);   // their lengths; CST_CNT
    t.add(no_c2).add(no_c3).zeros(4);                                              // latencies; cache flush sizes
    t.zeros(2).add(u8{0}).add(u8{0}).add(cmos_century);                            // duty cycle; alarms
    t.add(u16{boot_legacy_devices | boot_8042}).add(u8{0});
    t.add(u32{wbinvd | proc_c1 | no_fixed_sleep_button | rtc_not_fixed | reset_register});
    add_generic_address(t, 8, pc::reset_control);
    t.add(pc::reset_control_full).zeros(3);
    t.add(u64{0}).add(u64{dsdt}); // one FACS address is enough: both would make two tables of it
    add_generic_address(t, 32, pc::pm1a_event);
    add_generic_address(t, 0, 0);
    add_generic_address(t, 16, pc::pm1a_control);
    add_generic_address(t, 0, 0);
    add_generic_address(t, 0, 0);
    add_generic_address(t, 32, pc::pm_timer);
    add_generic_address(t, 8 * pc::gpe0_length, pc::gpe0);
    add_generic_address(t, 0, 0);
    return described("FACP", 3, t.bytes());
}

/// Multiple APIC description table (5.2.12).
std::vector<u8> madt() {
    constexpr u32 pc_compatible = 1, enabled = 1;
    constexpr u16 as_bus_says = 0, level_active_high = 0x000d;
    ByteWriter t;
    t.add(pc::local_apic).add(pc_compatible);
    t.add(u8{0}).add(u8{8}).add(u8{0}).add(u8{0}).add(enabled);                           // processor 0
    t.add(u8{1}).add(u8{12}).add(pc::io_apic_id).add(u8{0}).add(pc::io_apic).add(u32{0}); // I/O APIC, inputs 0..
    auto const source_override = [&t](u8 irq, u32 gsi, u16 flags) {
        t.add(u8{2}).add(u8{10}).add(u8{0}).add(irq).add(gsi).add(flags);
    };
    source_override(pc::timer_irq, pc::timer_gsi, as_bus_says);
    source_override(pc::sci_irq, pc::sci_irq, level_active_high);
    source_override(10, 10, level_active_high); // the PCI interrupts: pc::pci_irq()
    source_override(11, 11, level_active_high);
    t.add(u8{4}).add(u8{6}).add(u8{0xff}).add(as_bus_says).add(u8{1}); // NMI at LINT1 of every processor
    return described("APIC", 1, t.bytes());
}

/// Firmware ACPI control structure (5.2.10): no wake-up here, so all zero but its name.
std::vector<u8> facs() {
    ByteWriter t;
    t.text("FACS").add(u32{64}).zeros(56);
    return t.bytes();
}

/// Root system description pointer (5.2.5.3).
std::vector<u8> rsdp(u32 rsdt, u32 xsdt) {
    constexpr std::size_t checksum_at = 8, extended_checksum_at = 32, first_part = 20;
    ByteWriter t;
    t.text("RSD PTR ").add(u8{0}).text("RING3 ").add(u8{2}).add(rsdt);
    t.add(u32{36}).add(u64{xsdt}).add(u8{0}).zeros(3);
    auto bytes = t.bytes();
    set_checksum(bytes, checksum_at, first_part);
    set_checksum(bytes, extended_checksum_at, bytes.size());
    return bytes;
}

/// MP floating pointer structure (MP 4.1).
std::vector<u8> mp_pointer(u32 table) {
    constexpr std::size_t checksum_at = 10;
    constexpr u8 paragraphs = 1, version_1_4 = 4;
    ByteWriter t;
    t.text("_MP_").add(table).add(paragraphs).add(version_1_4).add(u8{0}).zeros(5);
    auto bytes = t.bytes();
    set_checksum(bytes, checksum_at, bytes.size());
    return bytes;
}

/// Puts tables one after the other, from an address on.
class Area {
public:
    explicit Area(u32 start) : start_{start} {}
    u32 place(std::vector<u8> const& table) {
        constexpr std::size_t alignment = 64; // the FACS's need; more than any other's
        bytes_.resize((bytes_.size() + alignment - 1) & ~(alignment - 1));
        u32 const address = start_ + static_cast<u32>(bytes_.size());
        bytes_.insert(bytes_.end(), table.begin(), table.end());
        return address;
    }
    std::vector<u8> take() { return std::move(bytes_); }

private:
    u32 start_;
    std::vector<u8> bytes_;
};

/// Where the tables are that others point to.
struct Places {
    u32 facs{}, dsdt{}, fadt{}, madt{}, rsdt{}, xsdt{};
};

Places place_tables(Area& area) {
    Places at;
    at.facs = area.place(facs());
    at.dsdt = area.place(described("DSDT", 1, make_dsdt()));
    at.fadt = area.place(fadt(at.facs, at.dsdt));
    at.madt = area.place(madt());
    at.rsdt = area.place(described("RSDT", 1, ByteWriter{}.add(at.fadt).add(at.madt).bytes()));
    at.xsdt = area.place(described("XSDT", 1, ByteWriter{}.add(u64{at.fadt}).add(u64{at.madt}).bytes()));
    return at;
}

} // namespace

FirmwareArea make_firmware_area() {
    Area area{pc::firmware};
    Places const at = place_tables(area);
    u32 const rsdp_at = area.place(rsdp(at.rsdt, at.xsdt));
    area.place(mp_pointer(area.place(make_mp_table())));
    return {area.take(), rsdp_at};
}

std::vector<FirmwareFile> make_acpi_files() {
    constexpr auto tables = "etc/acpi/tables", root = "etc/acpi/rsdp";
    constexpr u32 header = 36, checksum_at = 9, entries = 2;                    // 5.2.6
    constexpr u32 fadt_facs = 36, fadt_dsdt = 40, fadt_x_dsdt = 140;            // 5.2.9
    constexpr u32 rsdp_rsdt = 16, rsdp_xsdt = 24, rsdp_size = 36, rsdp_v1 = 20; // 5.2.5.3
    Area area{0};
    Places const at = place_tables(area);
    auto const bytes = area.take();
    auto const length_of = [&bytes](u32 table) {
        return u32{bytes[table + 4]} | u32{bytes[table + 5]} << 8; // none is longer than 64 KiB
    };
    TableLoader script;
    script.allocate(root, 16, TableLoader::Zone::segment_f);
    script.allocate(tables, 64, TableLoader::Zone::high);
    script.add_pointer(tables, at.fadt + fadt_facs, 4, tables);
    script.add_pointer(tables, at.fadt + fadt_dsdt, 4, tables);
    script.add_pointer(tables, at.fadt + fadt_x_dsdt, 8, tables);
    for (u32 i = 0; i < entries; ++i) {
        script.add_pointer(tables, at.rsdt + header + 4 * i, 4, tables);
        script.add_pointer(tables, at.xsdt + header + 8 * i, 8, tables);
    }
    for (u32 const table : {at.fadt, at.rsdt, at.xsdt})
        script.add_checksum(tables, table + checksum_at, table, length_of(table));
    script.add_pointer(root, rsdp_rsdt, 4, tables);
    script.add_pointer(root, rsdp_xsdt, 8, tables);
    script.add_checksum(root, 8, 0, rsdp_v1);
    script.add_checksum(root, 32, 0, rsdp_size);
    return {{tables, bytes}, {root, rsdp(at.rsdt, at.xsdt)}, {"etc/table-loader", script.bytes()}};
}

} // namespace ring3::boot
