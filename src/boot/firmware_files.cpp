#include "boot/firmware_files.h"

#include "boot/byte_writer.h"
#include "boot/firmware_tables.h"
#include "boot/guest_memory.h"
#include "boot/smbios.h"

#include <utility>

namespace ring3::boot {

namespace {

/// RAM is all of it: firmware cuts out what it takes for itself.
std::vector<u8> e820(RamSize ram) {
    constexpr u64 high_memory = u64{1} << 32;
    ByteWriter table;
    table.add(u64{0}).add(ram.low).add(static_cast<u32>(RangeKind::ram));
    if (ram.high != 0) table.add(high_memory).add(ram.high).add(static_cast<u32>(RangeKind::ram));
    return table.bytes();
}

} // namespace

std::vector<FirmwareFile> make_firmware_files(RamSize ram, SmbiosSettings const& smbios) {
    std::vector<FirmwareFile> files;
    files.push_back({"etc/e820", e820(ram)});
    for (auto& file : make_acpi_files()) files.push_back(std::move(file));
    for (auto& file : make_smbios_files(smbios, ram)) files.push_back(std::move(file));
    return files;
}

} // namespace ring3::boot
