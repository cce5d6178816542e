#include "screen/picture.h"

#include "screen/text.h"

#include <algorithm>

namespace ring3::screen {

namespace {

namespace display = display_interface;
using Color = std::array<u8, 3>;

constexpr unsigned most_width = 4096, most_height = 4096;

u8 byte_at(std::span<u8 const> memory, u64 at) {
    return at < memory.size() ? memory[at] : u8{0};
}

/// A color of the DAC, widened from six bits unless it has eight.
Color dac_color(VgaState const& state, unsigned index) {
    bool const wide = (state.dispi[display::enable] & display::dac_8_bits) != 0;
    Color color{};
    for (unsigned i = 0; i < 3; ++i) {
        u8 const value = state.dac[3 * (index & state.dac_mask) + i];
        color[i] = wide ? value : static_cast<u8>(value << 2 | value >> 4);
    }
    return color;
}

/// One of 16 colors through the palette (IBM VGA Technical Reference, 2-94: P54S and color select).
Color palette_color(VgaState const& state, unsigned index) {
    constexpr u8 mode = 0x10, color_select = 0x14, p54s = 0x80;
    unsigned const entry = state.attributes[index & 15] & 0x3f, select = state.attributes[color_select];
    if (state.attributes[mode] & p54s) return dac_color(state, (select & 0x0f) << 4 | (entry & 0x0f));
    return dac_color(state, (select & 0x0c) << 4 | entry);
}

Picture blank(unsigned width, unsigned height) {
    Picture picture{std::clamp(width, 1u, most_width), std::clamp(height, 1u, most_height), {}};
    picture.rgb.resize(std::size_t{3} * picture.width * picture.height);
    return picture;
}

/// Which colors a cell has: with blinking on, bit 7 is not part of the background.
struct CellColors {
    Color foreground, background;
};
CellColors colors_of(VgaState const& state, u8 attribute) {
    constexpr u8 mode = 0x10, blink = 0x08;
    unsigned const background = attribute >> 4 & (state.attributes[mode] & blink ? 7u : 15u);
    return {palette_color(state, attribute & 15u), palette_color(state, background)};
}

void draw_cell(Picture& picture, VgaState const& state, std::span<u8 const> memory, TextLayout const& layout,
               unsigned row, unsigned column, unsigned cell_width) {
    constexpr unsigned glyph_bytes = 32;
    Cell const cell = cell_at(memory, layout, row, column);
    auto const colors = colors_of(state, cell.attribute);
    bool const has_cursor = layout.start + row * layout.pitch + column == layout.cursor;
    bool const is_line = cell.character >= 0xc0 && cell.character < 0xe0; // column 9 repeats column 8
    for (unsigned y = 0; y < layout.cell_lines; ++y) {
        u8 bits = byte_at(memory, 4u * (cell.character * glyph_bytes + y) + 2); // plane 2, map 0
        unsigned const cursor_from = state.crtc[crtc::cursor_start] & 31u,
                       cursor_to = state.crtc[crtc::cursor_end] & 31u;
        if (has_cursor && y >= cursor_from && y <= cursor_to) bits = 0xff;
        for (unsigned x = 0; x < cell_width; ++x) {
            bool const lit = x < 8 ? (bits >> (7 - x) & 1) != 0 : is_line && (bits & 1);
            picture.set(column * cell_width + x, row * layout.cell_lines + y,
                        lit ? colors.foreground : colors.background);
        }
    }
}

Picture draw_text(VgaState const& state, std::span<u8 const> memory) {
    TextLayout const layout = text_layout(state);
    unsigned const cell_width = state.sequencer[1] & 1 ? 8 : 9;
    Picture picture = blank(layout.columns * cell_width, layout.rows * layout.cell_lines);
    for (unsigned row = 0; row < layout.rows; ++row)
        for (unsigned column = 0; column < layout.columns; ++column)
            draw_cell(picture, state, memory, layout, row, column, cell_width);
    return picture;
}

/// A pixel of a linear mode.
Color linear_color(VgaState const& state, std::span<u8 const> memory, u64 at, unsigned depth) {
    unsigned const low = byte_at(memory, at), high = byte_at(memory, at + 1);
    unsigned const word = low | high << 8;
    auto const widen = [](unsigned value, unsigned bits) { return static_cast<u8>(value * 255 / ((1u << bits) - 1)); };
    switch (depth) {
    case 8: return dac_color(state, low);
    case 15: return {widen(word >> 10 & 31, 5), widen(word >> 5 & 31, 5), widen(word & 31, 5)};
    case 16: return {widen(word >> 11, 5), widen(word >> 5 & 63, 6), widen(word & 31, 5)};
    default: return {byte_at(memory, at + 2), static_cast<u8>(high), static_cast<u8>(low)};
    }
}

Picture draw_linear(VgaState const& state, std::span<u8 const> memory) {
    auto const& r = state.dispi;
    unsigned const depth = r[display::depth], bytes = display::bytes_per_pixel(r[display::depth]);
    Picture picture = blank(r[display::width], r[display::height]);
    for (unsigned y = 0; y < picture.height; ++y)
        for (unsigned x = 0; x < picture.width; ++x) {
            u64 const pixel = (u64{r[display::y_offset]} + y) * r[display::virtual_width] + r[display::x_offset] + x;
            picture.set(x, y, linear_color(state, memory, pixel * bytes, depth));
        }
    return picture;
}

/// The VGA's own graphics: 256 colors (mode 13h and its relatives), or 16 colors from four planes.
Picture draw_vga(VgaState const& state, std::span<u8 const> memory) {
    auto const& r = state.crtc;
    bool const many_colors = (state.graphics[5] & 0x40) != 0;
    bool const dispi_planes = state.dispi_enabled();
    unsigned const doubling = ((r[crtc::maximum_scan_line] & 31u) + 1) * (r[crtc::maximum_scan_line] & 0x80 ? 2 : 1);
    unsigned const lines =
        (r[crtc::vertical_end] | (r[crtc::overflow] & 2u) << 7 | (r[crtc::overflow] & 0x40u) << 3) + 1;
    unsigned const across = (r[crtc::horizontal_end] + 1u) * (many_colors ? 4 : 8);
    Picture picture = dispi_planes ? blank(state.dispi[display::width], state.dispi[display::height])
                                   : blank(across, lines / doubling);
    u64 const pitch = dispi_planes ? state.dispi[display::virtual_width] / 8u : r[crtc::row_offset] * 2u;
    u64 const start = r[crtc::start_high] * 256u + r[crtc::start_low];
    for (unsigned y = 0; y < picture.height; ++y)
        for (unsigned x = 0; x < picture.width; ++x) {
            if (many_colors) {
                picture.set(x, y, dac_color(state, byte_at(memory, 4 * (start + y * pitch) + x)));
                continue;
            }
            u64 const at = 4 * (start + y * pitch + x / 8);
            unsigned color = 0;
            for (unsigned plane = 0; plane < 4; ++plane)
                color |= (byte_at(memory, at + plane) >> (7 - x % 8) & 1u) << plane;
            picture.set(x, y, palette_color(state, color & state.attributes[0x12]));
        }
    return picture;
}

} // namespace

void Picture::set(unsigned x, unsigned y, Color color) {
    if (x < width && y < height)
        std::ranges::copy(color, rgb.begin() + std::ptrdiff_t{3} * (std::ptrdiff_t{y} * width + x));
}

Picture draw(VgaState const& state, std::span<u8 const> memory) {
    if (state.is_linear_mode()) return draw_linear(state, memory);
    return state.graphics_mode() || state.dispi_enabled() ? draw_vga(state, memory) : draw_text(state, memory);
}

} // namespace ring3::screen
