// The Linux/x86 boot protocol (Documentation/arch/x86/boot.rst), versions 2.02 to the newest, by its 32-bit entry.
//
// A bzImage is a boot sector, a real-mode setup program and the compressed kernel. The 32-bit entry skips the first two:
// the loader fills in what the setup program would have found out (the "zero page", struct boot_params), puts the
// compressed kernel at 1 MiB and jumps there in protected mode. memtest86+ comes in the same form.
//
//         1000  a GDT with __BOOT_CS (10H) and __BOOT_DS (18H)
//        10000  zero page
//        20000  command line
//       100000  compressed kernel; it unpacks itself to pref_address
//       ...     initrd: as high as RAM and initrd_addr_max allow, on a page
#pragma once

#include "boot/load.h"

namespace ring3::boot {

/// Does the file carry the boot protocol's header?
bool is_linux_image(std::span<u8 const> kernel);

/// Loads it. `rsdp` is where the ACPI tables begin.
Result<StartState> load_linux(Images const& images, GuestMemory memory, u32 rsdp);

} // namespace ring3::boot
