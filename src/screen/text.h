// A VGA's text screen as text: for `screendump FILE.txt`, and for tests that read what firmware says.
#pragma once

#include "base/vga_state.h"

#include <span>
#include <string>
#include <vector>

namespace ring3::screen {

/// The geometry of a text mode, out of the CRTC. Everything is bounded, whatever the registers hold.
struct TextLayout {
    unsigned columns{}, rows{}, cell_lines{};
    unsigned start{}, pitch{}; // in characters
    unsigned cursor{};         // position in characters; beyond the screen if it is off
};
inline constexpr unsigned most_columns = 256, most_rows = 128;
TextLayout text_layout(VgaState const& state);

/// One character cell.
struct Cell {
    u8 character{}, attribute{};
};
Cell cell_at(std::span<u8 const> memory, TextLayout const& layout, unsigned row, unsigned column);

/// The rows in UTF-8, without trailing blanks. Nothing if the card shows graphics.
std::vector<std::string> text_rows(VgaState const& state, std::span<u8 const> memory);

} // namespace ring3::screen
