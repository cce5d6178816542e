#include "monitor/devices/vga_memory.h"

#include <bit>
#include <cstring>

namespace ring3 {

namespace {

constexpr u32 plane_mask = 0xffff; // addresses within a plane

/// A byte on every plane of the mask.
constexpr u32 spread(u8 mask) {
    u32 result = 0;
    for (unsigned plane = 0; plane < 4; ++plane)
        if (mask >> plane & 1) result |= 0xffu << (8 * plane);
    return result;
}

constexpr u32 on_all_planes(u8 value) {
    return value * 0x0101'0101u;
}

enum Graphics : u8 {
    set_reset = 0,
    enable_set_reset = 1,
    color_compare = 2,
    rotate_and_function = 3,
    read_plane = 4,
    mode = 5,
    miscellaneous = 6,
    color_do_not_care = 7,
    bit_mask = 8,
};

} // namespace

std::optional<u32> VgaMemory::address(u64 offset) const {
    switch (state_.graphics[miscellaneous] >> 2 & 3) {
    case 0: return static_cast<u32>(offset);
    case 1: return offset < 0x1'0000 ? std::optional{static_cast<u32>(offset)} : std::nullopt;
    case 2:
        return offset >= 0x1'0000 && offset < 0x1'8000 ? std::optional{static_cast<u32>(offset - 0x1'0000)}
                                                       : std::nullopt;
    default: return offset >= 0x1'8000 ? std::optional{static_cast<u32>(offset - 0x1'8000)} : std::nullopt;
    }
}

/// The display interface's bank of linear memory, or chain-4, which is linear too.
std::optional<u64> VgaMemory::linear(u64 offset) const {
    if (state_.is_linear_mode()) {
        if (offset >= 0x1'0000) return std::nullopt;
        u64 const at = u64{state_.dispi[display_interface::bank]} * 0x1'0000 + offset;
        return at < memory_.size() ? std::optional{at} : std::nullopt;
    }
    auto const where = address(offset);
    if (!chain4() || !where) return std::nullopt;
    return *where % planes_size;
}

u32 VgaMemory::planes_at(u32 address) const {
    u32 planes = 0;
    std::memcpy(&planes, &memory_[(address & plane_mask) * 4], 4);
    return planes;
}

u8 VgaMemory::read_byte(u64 offset) {
    if (auto const at = linear(offset)) return memory_[*at];
    auto const where = address(offset);
    if (!where || state_.is_linear_mode()) return 0xff;
    auto const& graphics = state_.graphics;
    bool const odd_even = (graphics[mode] & 0x10) != 0;
    latches_ = planes_at(odd_even ? *where >> 1 : *where);
    if (graphics[mode] & 8) { // mode 1: a bit is set where the planes show the color
        u32 differing = (latches_ ^ spread(graphics[color_compare] & 15)) & spread(graphics[color_do_not_care] & 15);
        differing |= differing >> 16;
        differing |= differing >> 8;
        return static_cast<u8>(~differing);
    }
    unsigned const plane = odd_even ? (graphics[read_plane] & 2u) | (*where & 1) : graphics[read_plane] & 3u;
    return static_cast<u8>(latches_ >> (8 * plane));
}

/// What the graphics controller makes of a byte, for all planes.
u32 VgaMemory::modified(u8 value) const {
    auto const& graphics = state_.graphics;
    u8 const rotated = std::rotr(value, graphics[rotate_and_function] & 7);
    u32 data = 0, mask = on_all_planes(graphics[bit_mask]);
    switch (graphics[mode] & 3) {
    case 0: {
        u32 const fixed = spread(graphics[enable_set_reset] & 15);
        data = (on_all_planes(rotated) & ~fixed) | (spread(graphics[set_reset] & 15) & fixed);
        break;
    }
    case 1: return latches_;
    case 2: data = spread(value & 15); break;
    case 3:
        data = spread(graphics[set_reset] & 15);
        mask &= on_all_planes(rotated);
        break;
    }
    switch (graphics[rotate_and_function] >> 3 & 3) {
    case 1: data &= latches_; break;
    case 2: data |= latches_; break;
    case 3: data ^= latches_; break;
    default: break;
    }
    return (data & mask) | (latches_ & ~mask);
}

void VgaMemory::write_byte(u64 offset, u8 value) {
    u8 map_mask = state_.sequencer[2] & 15;
    if (auto const at = linear(offset)) {
        if (state_.is_linear_mode() || (map_mask >> (*at & 3) & 1)) memory_[*at] = value;
        return;
    }
    auto const where = address(offset);
    if (!where || state_.is_linear_mode()) return;
    bool const odd_even = (state_.sequencer[4] & 4) == 0;
    if (odd_even) map_mask = static_cast<u8>(map_mask & (*where & 1 ? 0b1010 : 0b0101));
    u32 const at = odd_even ? *where >> 1 : *where;
    u32 const written = spread(map_mask);
    u32 const planes = (planes_at(at) & ~written) | (modified(value) & written);
    std::memcpy(&memory_[(at & plane_mask) * 4], &planes, 4);
}

u64 VgaMemory::read(u64 offset, unsigned bytes) {
    u64 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u64{read_byte(offset + i)} << (8 * i);
    return value;
}

void VgaMemory::write(u64 offset, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) write_byte(offset + i, static_cast<u8>(value >> (8 * i)));
}

} // namespace ring3
