// What a VGA's picture depends on besides its memory: the registers. The card lives in the monitor; the app gets a copy of
// this with a message and draws the screen itself (src/screen), out of the video memory that both have mapped.
//
// Video memory is interleaved: byte 4 n + p is byte n of plane p. So a 256-color picture is linear, and a character and
// its attribute, on planes 0 and 1, lie side by side.
#pragma once

#include "base/types.h"

#include <array>
#include <type_traits>

namespace ring3 {

/// CRTC registers that more than one file names (IBM VGA Technical Reference, 2-55 ff).
namespace crtc {
inline constexpr u8 horizontal_end = 0x01, overflow = 0x07, maximum_scan_line = 0x09, cursor_start = 0x0a,
                    cursor_end = 0x0b, start_high = 0x0c, start_low = 0x0d, cursor_high = 0x0e, cursor_low = 0x0f,
                    retrace_end = 0x11, vertical_end = 0x12, row_offset = 0x13, mode_control = 0x17;
}

/// The Bochs display interface: modes of any size and depth (Bochs's VBE extensions, vbe_display_api.txt).
namespace display_interface {
inline constexpr u8 id = 0, width = 1, height = 2, depth = 3, enable = 4, bank = 5, virtual_width = 6,
                    virtual_height = 7, x_offset = 8, y_offset = 9, memory_64k = 10;
inline constexpr u16 enabled = 0x01, get_capabilities = 0x02, dac_8_bits = 0x20, no_clear = 0x80;
inline constexpr u16 oldest_id = 0xb0c0, newest_id = 0xb0c5;
inline constexpr u16 most_width = 16000, most_height = 12000, most_depth = 32;
constexpr unsigned bytes_per_pixel(u16 bits) {
    return (bits + 7u) / 8; // 15 bits take two bytes
}
constexpr bool is_depth(u16 bits) {
    return bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32;
}
} // namespace display_interface

struct VgaState {
    static constexpr std::size_t dispi_registers = 11;

    std::array<u8, 32> crtc{}, attributes{};
    std::array<u8, 16> graphics{};
    std::array<u8, 8> sequencer{};
    std::array<u8, 768> dac{}; // red, green, blue
    std::array<u16, dispi_registers> dispi{};
    u8 misc{}, dac_mask{0xff};
    u8 attribute_index{}; // bit 5: the palette drives the screen

    bool color_emulation() const { return (misc & 1) != 0; }
    bool graphics_mode() const { return (graphics[6] & 1) != 0; }
    bool dispi_enabled() const { return (dispi[display_interface::enable] & display_interface::enabled) != 0; }
    /// A mode of the display interface whose pixels lie one after the other; with 4 bits it shows the VGA's planes.
    bool is_linear_mode() const { return dispi_enabled() && dispi[display_interface::depth] >= 8; }
};
static_assert(std::is_trivially_copyable_v<VgaState> && sizeof(VgaState) < 1024, "it travels in one message");

} // namespace ring3
