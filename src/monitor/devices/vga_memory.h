// The VGA's window at A0000-BFFFF: how an access of the processor meets the four planes.
//
//     write: byte --rotate--> write mode 0..3, set/reset --logic op with latches--> bit mask --> planes of the map mask
//     read:  planes --> latches --> the selected plane (mode 0) or a comparison of colors (mode 1)
//
// Models: the memory map of graphics register 6, chain-4, odd/even, both read modes, all write modes, latches; in modes
//         of the display interface the window is a bank of 64 KiB of linear memory.
// Missing: the page bit of odd/even mode.
// Source: IBM VGA Technical Reference (1987), 2-76 ff (graphics controller), 2-50 ff (sequencer).
#pragma once

#include "base/vga_state.h"
#include "monitor/devices/bus/mmio_bus.h"

#include <optional>
#include <span>

namespace ring3 {

class VgaMemory final : public MmioDevice {
public:
    static constexpr u64 base = 0xa'0000, size = 0x2'0000;
    static constexpr u64 planes_size = 0x4'0000; // four times 64 KiB

    /// `memory` has planes_size bytes at least; its layout is vga_state.h's.
    VgaMemory(VgaState const& state, std::span<u8> memory) : state_{state}, memory_{memory} {}

    u64 read(u64 offset, unsigned bytes) override;
    void write(u64 offset, u64 value, unsigned bytes) override;
    void reset() { latches_ = 0; }

    void visit(auto&& archive) { archive("vga.latches", latches_); }

private:
    /// Where in the planes' address space an access to the window goes; nothing: no memory answers there.
    std::optional<u32> address(u64 offset) const;
    std::optional<u64> linear(u64 offset) const;
    u8 read_byte(u64 offset);
    void write_byte(u64 offset, u8 value);
    u32 planes_at(u32 address) const;
    u32 modified(u8 value) const;
    bool chain4() const { return (state_.sequencer[4] & 8) != 0; }

    VgaState const& state_;
    std::span<u8> memory_;
    u32 latches_{}; // a byte for each plane
};

} // namespace ring3
