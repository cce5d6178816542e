// Direct boot: puts a kernel into a guest's RAM without any firmware having run.
//
// The app calls load() once for a VM, before its monitor exists. Every byte of every image is hostile: whatever a file
// holds, the answer is a StartState or one line that says what is wrong with which file.
//
//     detect() --- multiboot magic ---> multiboot.h   (multiboot 1: ELF32, or address fields in the header)
//         |------- "HdrS" -----------> linux_image.h  (the Linux/x86 boot protocol, 2.02 or later)
//     firmware_tables.h: what a BIOS would have left in memory (ACPI, MP table, BIOS data area)
#pragma once

#include "base/firmware_config.h"
#include "base/result.h"
#include "boot/guest_memory.h"
#include "boot/start_state.h"

#include <span>
#include <string>
#include <vector>

namespace ring3::boot {

/// A multiboot module; its command line starts with the file's name, as typed.
struct Module {
    std::vector<u8> bytes;
    std::string command_line;
};

/// What to boot. A Linux kernel takes the initrd, a multiboot kernel the modules; detect() tells which to fill.
struct Images {
    std::string kernel_name;
    std::vector<u8> kernel;
    std::vector<Module> modules{};
    std::vector<u8> initrd{};
    std::string initrd_name{"initrd"};
    std::string command_line{};
    FirmwareConfig firmware{}; // with an image: that starts, and there is no kernel
};

enum class Format : u8 { neither, multiboot, linux_image };

/// What a kernel file is. Multiboot wins where a file is both.
Format detect(std::span<u8 const> kernel);

/// Loads the images and the firmware's tables. Errors have ExitStatus::configuration.
Result<StartState> load(Images const& images, GuestMemory memory);

/// Only what a BIOS would have left in low memory: for machines that start without a kernel image.
Result<void> load_firmware_tables(GuestMemory memory);

} // namespace ring3::boot
