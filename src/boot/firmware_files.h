// What firmware is told through the files of the configuration device: where RAM is, and tables that it puts into memory.
//
//     etc/e820               RAM and what is reserved, as int 15h E820h will answer
//     etc/acpi/tables, rsdp  the tables of firmware_tables.h, with offsets in the place of addresses
//     etc/table-loader       a script: where firmware puts those files, which offsets become addresses, which sums to mend
//     etc/smbios/...         what the machine calls itself
// Source: QEMU's docs/specs/fw_cfg.rst; bios-linker-loader.c for the script's records.
#pragma once

#include "base/firmware_config.h"

#include <vector>

namespace ring3::boot {

struct RamSize {
    u64 low{}, high{}; // below and above 4 GiB
};

struct SmbiosSettings;
std::vector<FirmwareFile> make_firmware_files(RamSize ram, SmbiosSettings const& smbios);

} // namespace ring3::boot
