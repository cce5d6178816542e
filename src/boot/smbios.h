// SMBIOS: what a machine calls itself, in structures that firmware copies to where programs look for them.
// Source: DMTF DSP0134, version 2.8.
#pragma once

#include "base/firmware_config.h"
#include "boot/firmware_files.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ring3::boot {

/// Type 0. (Outside of SmbiosSettings, as Clang takes no std::optional of a class within one that is not complete yet.)
struct SmbiosBios {
    std::string vendor, version, date;
    u8 major{}, minor{};
    bool uefi{};
};

/// What a user may say of it. A BIOS structure is the firmware's own unless somebody gives one.
struct SmbiosSettings {
    struct System { // type 1
        std::string manufacturer{"ring3"}, product{"Standard PC (i440FX + PIIX, 1996)"}, version{"pc-i440fx"};
        std::string serial, sku, family;
        std::array<u8, 16> uuid{}; // as a person writes it, from left to right
    };
    std::optional<SmbiosBios> bios;
    System system;
    std::vector<std::string> oem_strings;    // type 11
    std::vector<std::vector<u8>> structures; // as somebody else has made them; they replace ours of their types
};

/// Limits of the format: a string's number has a byte, and so has the count of a structure's strings.
inline constexpr std::size_t most_oem_strings = 255, longest_smbios_string = 4096;
/// All structures together have a length of 16 bits; room for ours remains.
inline constexpr std::size_t longest_smbios_structure = 32 << 10;

/// What keeps these bytes from being a structure beside `settings`; empty: nothing.
std::string what_is_wrong_with(std::span<u8 const> structure, SmbiosSettings const& settings);

/// "etc/smbios/smbios-anchor" and "etc/smbios/smbios-tables".
std::vector<FirmwareFile> make_smbios_files(SmbiosSettings const& settings, RamSize ram);

} // namespace ring3::boot
