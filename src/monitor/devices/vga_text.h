// Enough of a VGA for programs that write text: the register files and the memory window.
//
// Models: 128 KiB of video memory at A0000h as plain storage, all register files with their index ports, the DAC, CRTC write
//         protection, input status 1 with retrace bits from virtual time; mode 3 as firmware sets it.
// Missing: planes, latches and write modes (graphics), fonts; nothing draws: text_screen() tells what a screen would show.
// Source: IBM VGA Technical Reference (1987), chapters 2 and 4.
#pragma once

#include "monitor/devices/bus/clock.h"
#include "monitor/devices/bus/mmio_bus.h"
#include "monitor/devices/bus/port_window.h"

#include <array>
#include <string>
#include <vector>

namespace ring3 {

class VgaText final : public PortDevice, public MmioDevice {
public:
    static constexpr u64 memory_base = 0xa'0000, memory_size = 0x2'0000;
    static constexpr PortRange mono_ports{0x3b0, 12}, common_ports{0x3c0, 16}, color_ports{0x3d0, 16};

    explicit VgaText(Clock const& clock);

    PortDevice& mono() { return mono_; }
    PortDevice& common() { return common_; }
    PortDevice& color() { return color_; }

    // Ports: offsets from 3B0h.
    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    // Memory: offsets from A0000h.
    u64 read(u64 offset, unsigned bytes) override;
    void write(u64 offset, u64 value, unsigned bytes) override;

    /// The rows of the text screen, without trailing blanks.
    std::vector<std::string> text_screen() const;
    void reset();

    void visit(auto&& archive) {
        archive("vga.crtc_index", crtc_index_);
        archive("vga.sequencer_index", sequencer_index_);
        archive("vga.graphics_index", graphics_index_);
        archive("vga.attribute_index", attribute_index_);
        archive("vga.attribute_data_next", attribute_data_next_);
        archive("vga.misc", misc_);
        archive("vga.feature", feature_);
        archive("vga.dac_mask", dac_mask_);
        archive("vga.dac_read", dac_read_);
        archive("vga.dac_write", dac_write_);
        archive("vga.dac_state", dac_reading_);
        archive("vga.crtc", crtc_);
        archive("vga.sequencer", sequencer_);
        archive("vga.graphics", graphics_);
        archive("vga.attributes", attributes_);
        archive("vga.dac", dac_);
        archive("vga.memory", memory_);
    }

private:
    u8 status1();
    u8 read_common(u16 port);
    void write_common(u16 port, u8 value);
    void write_attribute(u8 value);
    void write_crtc(u8 value);
    bool color_emulation() const { return (misc_ & 1) != 0; }

    Clock const& clock_;
    PortWindow mono_{*this, 0x00}, common_{*this, 0x10}, color_{*this, 0x20};
    u8 crtc_index_{}, sequencer_index_{}, graphics_index_{}, attribute_index_{};
    bool attribute_data_next_{};
    u8 misc_{}, feature_{}, dac_mask_{0xff};
    u16 dac_read_{}, dac_write_{}; // color number times three plus component
    bool dac_reading_{};
    std::array<u8, 32> crtc_{}, attributes_{};
    std::array<u8, 8> sequencer_{};
    std::array<u8, 16> graphics_{};
    std::array<u8, 768> dac_{};
    std::array<u8, memory_size> memory_{};
};

} // namespace ring3
