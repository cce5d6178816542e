#include "monitor/devices/vga_text.h"

#include <algorithm>
#include <cstring>

namespace ring3 {

namespace {

// Mode 3, 80 x 25 characters of 9 x 16 (IBM VGA Technical Reference, appendix: mode tables).
constexpr std::array<u8, 25> mode3_crtc{0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
                                        0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
constexpr std::array<u8, 5> mode3_sequencer{0x03, 0x00, 0x03, 0x00, 0x02};
constexpr std::array<u8, 9> mode3_graphics{0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff};
constexpr std::array<u8, 21> mode3_attributes{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
                                              0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};
constexpr u8 mode3_misc = 0x67;

// 70 frames of 449 lines a second, of which 400 are shown.
constexpr Nanoseconds frame = 14'268'000, line = frame / 449, shown = 400 * line, shown_part_of_line = line * 4 / 5;
constexpr Nanoseconds retrace_start = 412 * line, retrace_end = 414 * line;

enum CrtcRegister : u8 {
    horizontal_end = 0x01,
    overflow = 0x07,
    maximum_scan_line = 0x09,
    start_high = 0x0c,
    start_low = 0x0d,
    retrace_end_register = 0x11,
    vertical_end = 0x12,
    row_offset = 0x13,
};

template <std::size_t N, std::size_t M> void fill(std::array<u8, N>& registers, std::array<u8, M> const& values) {
    registers.fill(0);
    std::ranges::copy(values, registers.begin());
}

} // namespace

VgaText::VgaText(Clock const& clock) : clock_{clock} {
    reset();
}

void VgaText::reset() {
    crtc_index_ = sequencer_index_ = graphics_index_ = 0;
    attribute_index_ = 0x20; // display on
    attribute_data_next_ = false;
    misc_ = mode3_misc;
    fill(crtc_, mode3_crtc);
    fill(sequencer_, mode3_sequencer);
    fill(graphics_, mode3_graphics);
    fill(attributes_, mode3_attributes);
    for (std::size_t i = 0; i < memory_.size(); i += 2) memory_[i] = ' ', memory_[i + 1] = 0x07;
}

// ---- ports. CRTC, status 1 and feature control answer at 3Bxh or 3Dxh as the miscellaneous register's bit 0 says.

u8 VgaText::read(u16 offset) {
    if (offset >= 0x10 && offset < 0x20) return read_common(static_cast<u16>(0x3b0 + offset));
    if ((offset >= 0x20) != color_emulation()) return 0xff;
    switch (offset % 16) {
    case 4: return crtc_index_;
    case 5: return crtc_[crtc_index_];
    case 10: return status1();
    default: return 0xff;
    }
}

void VgaText::write(u16 offset, u8 value) {
    if (offset >= 0x10 && offset < 0x20) return write_common(static_cast<u16>(0x3b0 + offset), value);
    if ((offset >= 0x20) != color_emulation()) return;
    switch (offset % 16) {
    case 4: crtc_index_ = value & 0x1f; break;
    case 5: write_crtc(value); break;
    case 10: feature_ = value; break;
    default: break;
    }
}

/// Bit 0: not displaying; bit 3: vertical retrace. Reading makes the attribute port expect an index.
u8 VgaText::status1() {
    attribute_data_next_ = false;
    Nanoseconds const in_frame = clock_.now() % frame;
    bool const blank = in_frame >= shown || in_frame % line >= shown_part_of_line;
    bool const retrace = in_frame >= retrace_start && in_frame < retrace_end;
    return static_cast<u8>((blank ? 0x01 : 0) | (retrace ? 0x08 : 0));
}

u8 VgaText::read_common(u16 port) {
    switch (port) {
    case 0x3c0: return attribute_index_;
    case 0x3c1: return attributes_[attribute_index_ % attributes_.size()];
    case 0x3c2: return 0x10; // input status 0: a color monitor is there
    case 0x3c4: return sequencer_index_;
    case 0x3c5: return sequencer_[sequencer_index_];
    case 0x3c6: return dac_mask_;
    case 0x3c7: return dac_reading_ ? 3 : 0;
    case 0x3c8: return static_cast<u8>(dac_write_ / 3);
    case 0x3c9: {
        u8 const value = dac_[dac_read_ % dac_.size()];
        dac_read_ = static_cast<u16>((dac_read_ + 1) % dac_.size());
        return value;
    }
    case 0x3ca: return feature_;
    case 0x3cc: return misc_;
    case 0x3ce: return graphics_index_;
    case 0x3cf: return graphics_[graphics_index_];
    default: return 0xff;
    }
}

void VgaText::write_common(u16 port, u8 value) {
    switch (port) {
    case 0x3c0: return write_attribute(value);
    case 0x3c2: misc_ = value; return;
    case 0x3c4: sequencer_index_ = value & 0x07; return;
    case 0x3c5: sequencer_[sequencer_index_] = value; return;
    case 0x3c6: dac_mask_ = value; return;
    case 0x3c7:
    case 0x3c8:
        dac_reading_ = port == 0x3c7;
        (dac_reading_ ? dac_read_ : dac_write_) = static_cast<u16>(value * 3);
        return;
    case 0x3c9:
        dac_[dac_write_ % dac_.size()] = value & 0x3f;
        dac_write_ = static_cast<u16>((dac_write_ + 1) % dac_.size());
        return;
    case 0x3ce: graphics_index_ = value & 0x0f; return;
    case 0x3cf: graphics_[graphics_index_] = value; return;
    default: return;
    }
}

/// Index and data take turns at one port.
void VgaText::write_attribute(u8 value) {
    if (attribute_data_next_)
        attributes_[attribute_index_ % attributes_.size()] = value;
    else
        attribute_index_ = value & 0x3f;
    attribute_data_next_ = !attribute_data_next_;
}

/// Bit 7 of register 11h protects registers 0 to 7, but for bit 4 of register 7.
void VgaText::write_crtc(u8 value) {
    u8& target = crtc_[crtc_index_];
    bool const is_protected = crtc_index_ <= overflow && (crtc_[retrace_end_register] & 0x80);
    if (!is_protected)
        target = value;
    else if (crtc_index_ == overflow)
        target = static_cast<u8>((target & ~0x10) | (value & 0x10));
}

// ---- memory

u64 VgaText::read(u64 offset, unsigned bytes) {
    u64 value = 0;
    std::memcpy(&value, &memory_[offset], bytes);
    return value;
}

void VgaText::write(u64 offset, u64 value, unsigned bytes) {
    std::memcpy(&memory_[offset], &value, bytes);
}

std::vector<std::string> VgaText::text_screen() const {
    constexpr std::size_t window = 0x8000;
    std::size_t const base = color_emulation() ? 0x1'8000 : 0x1'0000; // B8000h or B0000h
    std::size_t const columns = std::min<std::size_t>(crtc_[horizontal_end] + 1u, 132);
    std::size_t const lines = (crtc_[vertical_end] | (crtc_[overflow] & 2) << 7 | (crtc_[overflow] & 0x40) << 3) + 1u;
    std::size_t const rows = std::min<std::size_t>(lines / ((crtc_[maximum_scan_line] & 31) + 1u), 100);
    std::size_t const start = (crtc_[start_high] << 8 | crtc_[start_low]) * std::size_t{2};
    std::vector<std::string> screen;
    for (std::size_t row = 0; row < rows; ++row) {
        std::string text;
        for (std::size_t column = 0; column < columns; ++column) {
            u8 const c = memory_[base + (start + row * crtc_[row_offset] * 4 + column * 2) % window];
            text += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : ' ';
        }
        text.erase(text.find_last_not_of(' ') + 1);
        screen.push_back(text);
    }
    return screen;
}

} // namespace ring3
