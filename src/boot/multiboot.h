// Multiboot 1 (GNU Multiboot Specification 0.6.96): the form in which teaching kernels and processor tests come.
//
// The kernel file carries a header in its first 8 KiB. It is either an ELF32 file, or says in the header where its
// bytes go. The kernel starts in flat 32-bit protected mode with EAX = 2BADB002H and EBX = the information structure:
//
//         9000  information structure, memory map, module list, strings, GDT: one piece, moved up if the kernel lies here
//       100000  usually the kernel: as its segments say
//       ...     modules, each on a page, behind the kernel
#pragma once

#include "boot/load.h"

namespace ring3::boot {

/// Does the file carry a multiboot header whose checksum holds?
bool is_multiboot(std::span<u8 const> kernel);

Result<StartState> load_multiboot(Images const& images, GuestMemory memory);

} // namespace ring3::boot
