// What a machine's firmware is and what it is told. The app fills it from the command line, the board hands it over.
#pragma once

#include "base/types.h"

#include <array>
#include <string>
#include <vector>

namespace ring3 {

/// A file of the firmware configuration device.
struct FirmwareFile {
    std::string name; // "etc/..." is between ring3 and the firmware, "opt/..." the user's
    std::vector<u8> bytes;
};

/// The kinds of devices that a PC BIOS boots from, by their numbers in the CMOS (as Bochs and QEMU have them).
enum class BootDevice : u8 { none, floppy, hard_disk, cdrom, network };

enum class Graphics : u8 { none, standard_vga };

struct FirmwareConfig {
    static constexpr std::size_t image_unit = 64 << 10, largest_image = 16 << 20;

    std::vector<u8> image; // at the top of 4 GiB; whole units; empty: the guest is started without firmware
    std::vector<FirmwareFile> files;
    std::array<BootDevice, 3> boot_order{BootDevice::hard_disk, BootDevice::cdrom, BootDevice::floppy};
    bool boot_menu{};
    bool serial_console{}; // no screen: the firmware talks to COM1
    bool check_floppy_signature{true};
    std::vector<u8> vga_rom; // the VGA BIOS; a power of two of whole pages; empty: none
    bool present() const { return !image.empty(); }
};

} // namespace ring3
