// What the boot loader tells the kernel (GNU Multiboot Specification 0.6.96, 3.3).
#pragma once

#include "types.h"

namespace tiny {

constexpr u32 multiboot_loader_magic = 0x2bad'b002;

struct MultibootInformation {
    u32 flags; // which of the following are valid
    u32 mem_lower, mem_upper;
    u32 boot_device;
    u32 cmdline;
    u32 mods_count, mods_addr;
    u32 symbols[4];
    u32 mmap_length, mmap_addr;
    u32 drives[2];
    u32 config_table;
    u32 boot_loader_name;
};
constexpr u32 has_cmdline = 1 << 2, has_modules = 1 << 3, has_memory_map = 1 << 6, has_loader_name = 1 << 9;

struct [[gnu::packed]] MultibootMapEntry {
    u32 size; // of what follows
    u64 base, length;
    u32 type;
};

struct MultibootModule {
    u32 start, end, string, reserved;
};

} // namespace tiny
