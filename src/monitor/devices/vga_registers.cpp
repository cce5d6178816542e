#include "monitor/devices/vga_registers.h"

#include <algorithm>

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
constexpr u8 display_on = 0x20; // attribute index, bit 5

// 70 frames of 449 lines a second, of which 400 are shown.
constexpr Nanoseconds frame = 14'268'000, line = frame / 449, shown = 400 * line, shown_part_of_line = line * 4 / 5;
constexpr Nanoseconds retrace_from = 412 * line, retrace_until = 414 * line;

template <std::size_t N, std::size_t M> void fill(std::array<u8, N>& registers, std::array<u8, M> const& values) {
    registers.fill(0);
    std::ranges::copy(values, registers.begin());
}

/// The 64 colors of the EGA, which the default palette names: two bits for each primary.
constexpr u8 ega_component(unsigned color, unsigned high_bit, unsigned low_bit) {
    return static_cast<u8>((color >> high_bit & 1) * 0x2a + (color >> low_bit & 1) * 0x15);
}

} // namespace

void VgaRegisters::reset(Mode mode) {
    state_ = {};
    crtc_index_ = sequencer_index_ = graphics_index_ = feature_ = 0;
    attribute_data_next_ = dac_reading_ = false;
    dac_read_ = dac_write_ = 0;
    if (mode == Mode::none) return;
    state_.attribute_index = display_on;
    state_.misc = mode3_misc;
    fill(state_.crtc, mode3_crtc);
    fill(state_.sequencer, mode3_sequencer);
    fill(state_.graphics, mode3_graphics);
    fill(state_.attributes, mode3_attributes);
    for (unsigned color = 0; color < 64; ++color) {
        state_.dac[3 * color] = ega_component(color, 2, 5);
        state_.dac[3 * color + 1] = ega_component(color, 1, 4);
        state_.dac[3 * color + 2] = ega_component(color, 0, 3);
    }
}

// ---- ports. CRTC, status 1 and feature control answer at 3Bxh or 3Dxh as the miscellaneous register's bit 0 says.

u8 VgaRegisters::read(u16 offset) {
    if (offset >= 0x10 && offset < 0x20) return read_common(static_cast<u16>(0x3b0 + offset));
    if ((offset >= 0x20) != state_.color_emulation()) return 0xff;
    switch (offset % 16) {
    case 4: return crtc_index_;
    case 5: return state_.crtc[crtc_index_];
    case 10: return status1();
    default: return 0xff;
    }
}

void VgaRegisters::write(u16 offset, u8 value) {
    if (offset >= 0x10 && offset < 0x20) return write_common(static_cast<u16>(0x3b0 + offset), value);
    if ((offset >= 0x20) != state_.color_emulation()) return;
    switch (offset % 16) {
    case 4: crtc_index_ = value & 0x1f; break;
    case 5: write_crtc(value); break;
    case 10: feature_ = value; break;
    default: break;
    }
}

/// Bit 0: not displaying; bit 3: vertical retrace. Reading makes the attribute port expect an index.
u8 VgaRegisters::status1() {
    attribute_data_next_ = false;
    Nanoseconds const in_frame = clock_.now() % frame;
    bool const blank = in_frame >= shown || in_frame % line >= shown_part_of_line;
    bool const retrace = in_frame >= retrace_from && in_frame < retrace_until;
    return static_cast<u8>((blank ? 0x01 : 0) | (retrace ? 0x08 : 0));
}

u8 VgaRegisters::read_common(u16 port) {
    switch (port) {
    case 0x3c0: return state_.attribute_index;
    case 0x3c1: return state_.attributes[state_.attribute_index % state_.attributes.size()];
    case 0x3c2: return 0x10; // input status 0: a color monitor is there
    case 0x3c4: return sequencer_index_;
    case 0x3c5: return state_.sequencer[sequencer_index_];
    case 0x3c6: return state_.dac_mask;
    case 0x3c7: return dac_reading_ ? 3 : 0;
    case 0x3c8: return static_cast<u8>(dac_write_ / 3);
    case 0x3c9: return read_dac();
    case 0x3ca: return feature_;
    case 0x3cc: return state_.misc;
    case 0x3ce: return graphics_index_;
    case 0x3cf: return state_.graphics[graphics_index_];
    default: return 0xff;
    }
}

void VgaRegisters::write_common(u16 port, u8 value) {
    switch (port) {
    case 0x3c0: return write_attribute(value);
    case 0x3c2: state_.misc = value; return;
    case 0x3c4: sequencer_index_ = value & 0x07; return;
    case 0x3c5: state_.sequencer[sequencer_index_] = value; return;
    case 0x3c6: state_.dac_mask = value; return;
    case 0x3c7:
    case 0x3c8:
        dac_reading_ = port == 0x3c7;
        (dac_reading_ ? dac_read_ : dac_write_) = static_cast<u16>(value * 3);
        return;
    case 0x3c9: return write_dac(value);
    case 0x3ce: graphics_index_ = value & 0x0f; return;
    case 0x3cf: state_.graphics[graphics_index_] = value; return;
    default: return;
    }
}

u8 VgaRegisters::read_dac() {
    u8 const value = state_.dac[dac_read_ % state_.dac.size()];
    dac_read_ = static_cast<u16>((dac_read_ + 1) % state_.dac.size());
    return value;
}

/// Colors have six bits, or eight if the display interface says so.
void VgaRegisters::write_dac(u8 value) {
    bool const wide = (state_.dispi[display_interface::enable] & display_interface::dac_8_bits) != 0;
    state_.dac[dac_write_ % state_.dac.size()] = wide ? value : value & 0x3f;
    dac_write_ = static_cast<u16>((dac_write_ + 1) % state_.dac.size());
}

/// Index and data take turns at one port.
void VgaRegisters::write_attribute(u8 value) {
    if (attribute_data_next_)
        state_.attributes[state_.attribute_index % state_.attributes.size()] = value;
    else
        state_.attribute_index = value & 0x3f;
    attribute_data_next_ = !attribute_data_next_;
}

/// Bit 7 of register 11h protects registers 0 to 7, but for bit 4 of register 7.
void VgaRegisters::write_crtc(u8 value) {
    u8& target = state_.crtc[crtc_index_];
    bool const is_protected = crtc_index_ <= crtc::overflow && (state_.crtc[crtc::retrace_end] & 0x80);
    if (!is_protected)
        target = value;
    else if (crtc_index_ == crtc::overflow)
        target = static_cast<u8>((target & ~0x10) | (value & 0x10));
}

} // namespace ring3
