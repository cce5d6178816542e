#include "screen/text.h"

#include <algorithm>

namespace ring3::screen {

namespace {

/// Code page 437's upper half, which the ROM font shows.
constexpr char16_t upper_half[] =
    u"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    u"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
static_assert(std::size(upper_half) == 128 + 1);

/// Its control characters, which the ROM font shows as signs.
constexpr char16_t lowest[] = u" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
static_assert(std::size(lowest) == 32 + 1);

void append_utf8(std::string& out, char16_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xe0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

char16_t shown_as(u8 character) {
    if (character >= 0x80) return upper_half[character - 0x80];
    return character < 0x20 ? lowest[character] : character < 0x7f ? character : u'⌂';
}

} // namespace

TextLayout text_layout(VgaState const& state) {
    auto const& r = state.crtc;
    TextLayout layout;
    layout.cell_lines = (r[crtc::maximum_scan_line] & 31u) + 1;
    unsigned const lines =
        (r[crtc::vertical_end] | (r[crtc::overflow] & 2u) << 7 | (r[crtc::overflow] & 0x40u) << 3) + 1;
    layout.rows = std::clamp(lines / layout.cell_lines, 1u, most_rows);
    layout.columns = std::min(r[crtc::horizontal_end] + 1u, most_columns);
    layout.pitch = r[crtc::row_offset] * 2u;
    layout.start = r[crtc::start_high] * 256u + r[crtc::start_low];
    bool const cursor_off = (r[crtc::cursor_start] & 0x20) != 0;
    layout.cursor = cursor_off ? ~0u : r[crtc::cursor_high] * 256u + r[crtc::cursor_low];
    return layout;
}

Cell cell_at(std::span<u8 const> memory, TextLayout const& layout, unsigned row, unsigned column) {
    std::size_t const at = 4u * ((layout.start + row * layout.pitch + column) & 0xffff);
    return at + 1 < memory.size() ? Cell{memory[at], memory[at + 1]} : Cell{};
}

std::vector<std::string> text_rows(VgaState const& state, std::span<u8 const> memory) {
    std::vector<std::string> rows;
    if (state.graphics_mode() || state.dispi_enabled()) return rows;
    TextLayout const layout = text_layout(state);
    for (unsigned row = 0; row < layout.rows; ++row) {
        std::string text;
        for (unsigned column = 0; column < layout.columns; ++column)
            append_utf8(text, shown_as(cell_at(memory, layout, row, column).character));
        text.erase(text.find_last_not_of(' ') + 1);
        rows.push_back(std::move(text));
    }
    return rows;
}

} // namespace ring3::screen
