// A VGA's screen as a picture: text with the font that is loaded, the VGA's graphics modes, the display interface's modes.
//
// The registers come from a monitor, whose guest may own it: any value has a picture, of bounded size, and no read leaves
// the video memory.
#pragma once

#include "base/vga_state.h"

#include <span>
#include <string>
#include <vector>

namespace ring3::screen {

struct Picture {
    unsigned width{}, height{};
    std::vector<u8> rgb; // three bytes for each pixel, row by row

    void set(unsigned x, unsigned y, std::array<u8, 3> color);
};

Picture draw(VgaState const& state, std::span<u8 const> memory);

/// Netpbm's binary pixmap, and PNG (RFC 2083; the data are stored, not compressed).
std::string as_ppm(Picture const& picture);
std::string as_png(Picture const& picture);

} // namespace ring3::screen
