#include "monitor/devices/dma8237.h"

#include <algorithm>

namespace ring3 {

namespace {

/// 82371SB 3.2.1: which channel's page lies at 80h + offset; the others are plain memory.
constexpr std::array<int, 16> channel_of_page = {-1, 2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4};

/// Registers of one controller.
enum Index : u16 {
    channel_registers_end = 8,
    command_status = 8,
    request = 9,
    single_mask = 10,
    mode = 11,
    clear_flip_flop = 12,
    master_clear = 13,
    clear_masks = 14,
    all_masks = 15,
};

/// Replaces one byte of a 16-bit register.
u16 with_byte(u16 word, bool high, u8 value) {
    return static_cast<u16>(high ? (word & 0x00ff) | value << 8 : (word & 0xff00) | value);
}

} // namespace

u8& Dma8237::Pages::page(u16 offset) {
    int const channel = channel_of_page[offset % channel_of_page.size()];
    if (channel < 0) return chip_.other_pages_[first_ + offset % channel_of_page.size()];
    return chip_.channels_[static_cast<unsigned>(channel)].*field_;
}

void Dma8237::reset() {
    channels_ = {};
    controllers_ = {};
    other_pages_ = {};
}

// ---- registers

u8 Dma8237::read(unsigned number, u16 index) {
    Controller& controller = controllers_[number];
    if (index < channel_registers_end) {
        Channel const& which = channels_[number * 4 + index / 2u];
        u16 const value = index % 2 == 0 ? which.address : which.count;
        controller.second_byte = !controller.second_byte;
        return static_cast<u8>(controller.second_byte ? value : value >> 8);
    }
    if (index != command_status) return 0;
    u8 const status = controller.terminal_counts;
    controller.terminal_counts = 0; // reading clears them
    return status;
}

void Dma8237::write(unsigned number, u16 index, u8 value) {
    Controller& controller = controllers_[number];
    if (index >= channel_registers_end) return write_control(controller, number * 4, index, value);
    Channel& which = channels_[number * 4 + index / 2u];
    bool const high = controller.second_byte;
    controller.second_byte = !high;
    if (index % 2 == 0)
        which.address = which.base_address = with_byte(which.base_address, high, value);
    else
        which.count = which.base_count = with_byte(which.base_count, high, value);
}

void Dma8237::write_control(Controller& controller, unsigned first_channel, u16 index, u8 value) {
    u8 const bit = static_cast<u8>(1u << (value & 3));
    switch (index) {
    case command_status: controller.command.raw = value; break;
    case single_mask:
        controller.masks = static_cast<u8>(value & 4 ? controller.masks | bit : controller.masks & ~bit);
        break;
    case mode: channels_[first_channel + (value & 3)].mode.raw = value; break;
    case clear_flip_flop: controller.second_byte = false; break;
    case master_clear: controller = {}; break;
    case clear_masks: controller.masks = 0; break;
    case all_masks: controller.masks = value & 0xf; break;
    default: break; // request: only for memory-to-memory transfers
    }
}

// ---- transfers

u32 Dma8237::bytes_left(unsigned number) const {
    Controller const& controller = controllers_[number / 4 % 2];
    if (controller.command.has<Command::Disabled>() || (controller.masks >> number % 4 & 1)) return 0;
    return (u32{channel(number).count} + 1) * width(number);
}

/// Word channels count words; their address is shifted, and bit 0 of the page has no meaning.
u64 Dma8237::address_of(unsigned number) const {
    Channel const& which = channel(number);
    u64 const high = u64{which.high_page} << 24;
    if (width(number) == 1) return high | u64{which.page} << 16 | which.address;
    return high | u64{which.page & 0xfeu} << 16 | u64{which.address} << 1;
}

/// Piece by piece, up to where the address wraps within its 64 KiB (the page registers do not count), or a transfer at a
/// time downwards.
template <class Bytes, class Move>
Dma8237::Moved Dma8237::move(unsigned number, Bytes bytes, Transfer transfer, Move move_bytes) {
    Moved moved;
    unsigned const step = width(number);
    Channel& which = channels_[number % channels_.size()];
    while (bytes.size() - moved.bytes >= step && !moved.terminal_count && bytes_left(number) != 0) {
        bool const down = which.mode.has<Mode::Down>();
        u32 const until_wrap = down ? 1 : 0x1'0000u - which.address;
        u32 const wanted = static_cast<u32>(bytes.size() - moved.bytes) / step;
        u32 const count = std::min({until_wrap, wanted, u32{which.count} + 1});
        if (which.mode.get<Mode::Transfer>() == transfer)
            move_bytes(address_of(number), bytes.subspan(moved.bytes, count * step));
        moved.bytes += count * step;
        moved.terminal_count = count > which.count;
        which.address = static_cast<u16>(down ? which.address - 1 : which.address + count);
        which.count = static_cast<u16>(which.count - count);
    }
    if (moved.terminal_count) {
        Controller& controller = controllers_[number / 4 % 2];
        u8 const bit = static_cast<u8>(1u << number % 4);
        controller.terminal_counts |= bit;
        if (which.mode.has<Mode::AutoInit>())
            which.address = which.base_address, which.count = which.base_count;
        else
            controller.masks |= bit;
    }
    return moved;
}

Dma8237::Moved Dma8237::to_memory(unsigned number, std::span<u8 const> bytes) {
    return move(number, bytes, into_memory,
                [this](u64 address, std::span<u8 const> piece) { memory_.write({address}, piece); });
}

Dma8237::Moved Dma8237::from_memory(unsigned number, std::span<u8> bytes) {
    std::ranges::fill(bytes, u8{0xff});
    return move(number, bytes, out_of_memory,
                [this](u64 address, std::span<u8> piece) { memory_.read({address}, piece); });
}

} // namespace ring3
