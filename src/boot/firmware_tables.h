// What a BIOS would have left in memory: ACPI tables (ACPI 6.4, chapter 5), an MP table (Intel MultiProcessor
// Specification 1.4) for older kernels, and the BIOS data area.
//
// All tables lie in F0000-FFFFF, where a search for "RSD PTR " and "_MP_" finds them and where no e820 map shows RAM:
//
//     RSDP --> RSDT, XSDT --> FADT --> DSDT, FACS
//                         `-> MADT
//     _MP_ --> MP configuration table
#pragma once

#include "base/firmware_config.h"
#include "base/types.h"

#include <vector>

namespace ring3::boot {

/// The firmware area's content, from pc::firmware on.
struct FirmwareArea {
    std::vector<u8> bytes;
    u32 rsdp{}; // gpa of the root pointer
};
FirmwareArea make_firmware_area();

/// The same tables for firmware that puts them into memory itself (firmware_files.h). They say that it has placed the PM
/// block at pc::pm_base, as SeaBIOS does.
std::vector<FirmwareFile> make_acpi_files();

/// The definition block of the DSDT: the devices that cannot be found by probing.
std::vector<u8> make_dsdt();

/// The MP configuration table (4.2), complete with its header.
std::vector<u8> make_mp_table();

/// The BIOS data area's 256 bytes from gpa 400H on: where the EBDA is, the serial ports, the screen's mode.
inline constexpr u32 bios_data_area = 0x400;
std::vector<u8> make_bios_data_area();

} // namespace ring3::boot
