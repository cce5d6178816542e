#include "base/pc_addresses.h"
#include "boot/firmware_tables.h"

namespace ring3::boot {

// The fields that kernels look at although no BIOS call is made; offsets from gpa 400H, as IBM laid them out.
std::vector<u8> make_bios_data_area() {
    std::vector<u8> area(256);
    auto const word = [&area](std::size_t at, u16 value) {
        area[at] = static_cast<u8>(value);
        area[at + 1] = static_cast<u8>(value >> 8);
    };
    word(0x00, pc::com1);
    word(0x0e, pc::ebda >> 4);   // segment of the extended BIOS data area
    word(0x10, 0x0226);          // equipment: one serial port, mouse, FPU, 80x25 colour
    word(0x13, pc::ebda / 1024); // conventional memory, KiB
    area[0x49] = 3;              // video mode
    word(0x4a, 80);              // columns
    word(0x4c, 80 * 25 * 2);     // bytes of a screen page
    word(0x60, 0x0607);          // cursor's scan lines
    word(0x63, 0x03d4);          // CRT controller's port
    area[0x84] = 25 - 1;         // last row
    word(0x85, 16);              // scan lines of a character
    return area;
}

} // namespace ring3::boot
