// struct boot_params, the "zero page" (Documentation/arch/x86/zero-page.rst), and the setup header in it. The names are
// the kernel's. Only fields that a loader reads or writes are named; offsets are held by static_assert.
#pragma once

#include "base/types.h"

#include <array>
#include <cstddef>

namespace ring3::boot {

/// The screen as the real-mode setup code would have found it.
struct [[gnu::packed]] ScreenInfo {
    u8 orig_x, orig_y;
    u16 ext_mem_k; // historical: extended memory in KiB, at most FFFFH
    u16 orig_video_page;
    u8 orig_video_mode;
    u8 orig_video_cols;
    u16 unused2;
    u16 orig_video_ega_bx;
    u16 unused3;
    u8 orig_video_lines;
    u8 orig_video_is_vga;
    u16 orig_video_points; // scan lines of a character
    u8 rest[0x40 - 0x12];

    static constexpr ScreenInfo text_80x25() {
        ScreenInfo info{};
        info.orig_video_mode = 3;
        info.orig_video_cols = 80;
        info.orig_video_ega_bx = 3; // 256 KiB of video memory
        info.orig_video_lines = 25;
        info.orig_video_is_vga = 1;
        info.orig_video_points = 16;
        return info;
    }
};
static_assert(sizeof(ScreenInfo) == 0x40);

/// The header at 1F1H of the boot sector, which lies at the same offset of the zero page.
struct [[gnu::packed]] SetupHeader {
    static constexpr u64 begin = 0x1f1, end = 0x290; // behind it, the zero page has other fields
    static constexpr u16 boot_flag_value = 0xaa55;
    static constexpr u32 header_magic = 0x5372'6448; // "HdrS"
    static constexpr u8 loaded_high = 0x01, can_use_heap = 0x80;
    static constexpr u16 kernel_64 = 0x01; // XLF_KERNEL_64
    static constexpr u16 vid_mode_normal = 0xffff;
    static constexpr u8 unknown_loader = 0xff;
    static constexpr u32 old_initrd_addr_max = 0x37ff'ffff; // before 2.03
    static constexpr u32 old_cmdline_size = 255;            // before 2.06

    u8 setup_sects;
    u16 root_flags;
    u32 syssize;
    u16 ram_size;
    u16 vid_mode;
    u16 root_dev;
    u16 boot_flag;
    u16 jump;
    u32 magic;
    u16 version;
    u32 realmode_swtch;
    u16 start_sys_seg;
    u16 kernel_version;
    u8 type_of_loader;
    u8 loadflags;
    u16 setup_move_size;
    u32 code32_start;
    u32 ramdisk_image;
    u32 ramdisk_size;
    u32 bootsect_kludge;
    u16 heap_end_ptr;
    u8 ext_loader_ver;
    u8 ext_loader_type;
    u32 cmd_line_ptr;
    u32 initrd_addr_max;
    u32 kernel_alignment;
    u8 relocatable_kernel;
    u8 min_alignment;
    u16 xloadflags;
    u32 cmdline_size;
    u32 hardware_subarch;
    u64 hardware_subarch_data;
    u32 payload_offset;
    u32 payload_length;
    u64 setup_data;
    u64 pref_address;
    u32 init_size;
    u32 handover_offset;
    u32 kernel_info_offset;
    u8 rest[end - 0x26c];
};
static_assert(sizeof(SetupHeader) == SetupHeader::end - SetupHeader::begin);
static_assert(offsetof(SetupHeader, magic) == 0x202 - 0x1f1 && offsetof(SetupHeader, init_size) == 0x260 - 0x1f1);

struct [[gnu::packed]] E820Entry {
    u64 address;
    u64 size;
    u32 type;
};

struct [[gnu::packed]] BootParams {
    ScreenInfo screen_info;
    u8 unnamed1[0x70 - 0x40];
    u64 acpi_rsdp_addr; // since 2.14
    u8 unnamed2[0x1e0 - 0x78];
    u32 alt_mem_k;
    u8 unnamed3[4];
    u8 e820_entries;
    u8 unnamed4[0x1ef - 0x1e9];
    u8 sentinel; // zero, or the kernel distrusts everything around the header
    u8 unnamed5;
    SetupHeader header;
    u8 unnamed6[0x2d0 - 0x290];
    std::array<E820Entry, 128> e820_table;
    u8 unnamed7[0x1000 - 0xcd0];
};
static_assert(sizeof(BootParams) == 0x1000);
static_assert(offsetof(BootParams, header) == SetupHeader::begin && offsetof(BootParams, e820_table) == 0x2d0);

} // namespace ring3::boot
