#include "monitor/devices/vga_card.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>

namespace ring3 {

namespace display = display_interface;

namespace {
constexpr PciFunction::Identity identity{.vendor = 0x1234,
                                         .device = 0x1111,
                                         .class_code = 0x03'0000,
                                         .revision = 2,
                                         .subsystem_vendor = 0x1af4,
                                         .subsystem = 0x1100};
constexpr u64 register_window_size = 0x1000;
constexpr u64 vga_ports_at = 0x400, vga_ports_end = 0x420, display_at = 0x500, display_end = 0x516, order_at = 0x600;
constexpr u64 order_size = 8, little_endian = 0x1e1e'1e1e; // size of the block, then the byte order
} // namespace

VgaCard::VgaCard(Clock const& clock, std::span<u8> memory, std::span<u8> rom, Start start)
    : PciFunction{identity}, memory_{memory}, start_{start}, registers_{clock}, window_{registers_.state(), memory} {
    ASSERT(memory.size() >= VgaMemory::planes_size && std::has_single_bit(memory.size()));
    define_memory_bar(0, memory);
    define_memory_bar(2, register_window_size, register_window_);
    if (!rom.empty()) define_rom(rom);
    VgaCard::reset();
}

void VgaCard::reset() {
    PciFunction::reset();
    bool const text = start_ == Start::text_mode;
    registers_.reset(text ? VgaRegisters::Mode::text_80x25 : VgaRegisters::Mode::none);
    registers_.state().dispi[display::id] = display::newest_id;
    window_.reset();
    display_index_ = 0;
    constexpr u8 grey_on_black = 0x07;
    constexpr u64 cells = 0x4000;
    for (u64 cell = 0; text && cell < cells; ++cell) memory_[4 * cell] = ' ', memory_[4 * cell + 1] = grey_on_black;
}

// ---- the display interface

u64 VgaCard::pixel_bytes(u64 pixels) const {
    u16 const depth = registers_.state().dispi[display::depth];
    return depth == 4 ? pixels / 2 : pixels * display::bytes_per_pixel(depth);
}

u16 VgaCard::read_display(unsigned index) const {
    auto const& registers = registers_.state().dispi;
    if (registers[display::enable] & display::get_capabilities) {
        if (index == display::width) return display::most_width;
        if (index == display::height) return display::most_height;
        if (index == display::depth) return display::most_depth;
    }
    if (index == display::memory_64k) return static_cast<u16>(std::min<u64>(memory_.size() >> 16, 0xffff));
    return index < registers.size() ? registers[index] : 0;
}

void VgaCard::write_display(unsigned index, u16 value) {
    auto& registers = registers_.state().dispi;
    switch (index) {
    case display::id:
        if (value >= display::oldest_id && value <= display::newest_id) registers[index] = value;
        break;
    case display::width:
    case display::height:
    case display::virtual_width:
    case display::x_offset:
    case display::y_offset:
        registers[index] = value;
        fit();
        break;
    case display::depth:
        if (display::is_depth(value)) registers[index] = value;
        fit();
        break;
    case display::bank:
        if (u64{value} << 16 < memory_.size()) registers[index] = value;
        break;
    case display::enable: enable(value); break;
    default: break; // virtual height and memory size are read-only
    }
}

void VgaCard::enable(u16 value) {
    auto& registers = registers_.state().dispi;
    bool const begins = (value & display::enabled) && !(registers[display::enable] & display::enabled);
    registers[display::enable] = value;
    if (!begins) return;
    registers[display::virtual_width] = registers[display::x_offset] = registers[display::y_offset] = 0;
    registers[display::bank] = 0;
    fit();
    if (value & display::no_clear) return;
    u64 const shown = pixel_bytes(u64{registers[display::virtual_width]} * registers[display::height]);
    std::ranges::fill(memory_.first(std::min<u64>(shown, memory_.size())), u8{0});
}

/// What the registers ask for is cut down to what the video memory holds, once all of them count.
void VgaCard::fit() {
    auto& r = registers_.state().dispi;
    if (!registers_.state().dispi_enabled()) return;
    if (!display::is_depth(r[display::depth])) r[display::depth] = 8;
    r[display::width] = static_cast<u16>(std::clamp<unsigned>(r[display::width] & ~7u, 8, display::most_width));
    r[display::virtual_width] = std::clamp<u16>(r[display::virtual_width], r[display::width], display::most_width);
    u64 const line = pixel_bytes(r[display::virtual_width]);
    u64 const lines = memory_.size() / line;
    r[display::height] =
        static_cast<u16>(std::clamp<u64>(r[display::height], 1, std::min<u64>(lines, display::most_height)));
    r[display::virtual_height] = static_cast<u16>(std::min<u64>(lines, 0xffff));
    r[display::x_offset] = std::min<u16>(r[display::x_offset], r[display::virtual_width] - r[display::width]);
    r[display::y_offset] = static_cast<u16>(std::min<u64>(r[display::y_offset], lines - r[display::height]));
}

u32 VgaCard::DisplayPort::read_wide(u16 offset, unsigned bytes) {
    if (bytes != 2) return ~u32{};
    return offset == 0 ? card_.display_index_ : card_.read_display(card_.display_index_);
}

void VgaCard::DisplayPort::write_wide(u16 offset, u32 value, unsigned bytes) {
    if (bytes != 2) return;
    if (offset == 0)
        card_.display_index_ = static_cast<u16>(value);
    else
        card_.write_display(card_.display_index_, static_cast<u16>(value));
}

u64 VgaCard::RegisterWindow::read(u64 offset, unsigned bytes) {
    if (offset >= vga_ports_at && offset + bytes <= vga_ports_end)
        return card_.registers_.read_wide(static_cast<u16>(offset - vga_ports_at + 0x10), std::min(bytes, 4u));
    if (offset >= display_at && offset + bytes <= display_end && offset % 2 == 0 && bytes == 2)
        return card_.read_display(static_cast<unsigned>(offset - display_at) / 2);
    if (offset == order_at && bytes == 4) return order_size;
    return offset == order_at + 4 && bytes == 4 ? little_endian : 0;
}

void VgaCard::RegisterWindow::write(u64 offset, u64 value, unsigned bytes) {
    if (offset >= vga_ports_at && offset + bytes <= vga_ports_end)
        card_.registers_.write_wide(static_cast<u16>(offset - vga_ports_at + 0x10), static_cast<u32>(value),
                                    std::min(bytes, 4u));
    else if (offset >= display_at && offset + bytes <= display_end && offset % 2 == 0 && bytes == 2)
        card_.write_display(static_cast<unsigned>(offset - display_at) / 2, static_cast<u16>(value));
}

} // namespace ring3
