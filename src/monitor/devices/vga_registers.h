// The VGA's register files: CRTC, sequencer, graphics controller, attribute controller, DAC, and the external registers.
//
// Models: all index and data ports, CRTC write protection, the attribute port's two turns, DAC reads and writes, input
//         status 1 with retrace bits from virtual time, colour and monochrome addresses.
// Missing: the vertical retrace interrupt, light pen, sleep (port 46E8h).
// Source: IBM VGA Technical Reference (1987), chapters 2 and 4.
#pragma once

#include "base/vga_state.h"
#include "monitor/devices/bus/clock.h"
#include "monitor/devices/bus/port_window.h"

namespace ring3 {

/// Offsets count from port 3B0h.
class VgaRegisters final : public PortDevice {
public:
    static constexpr PortRange mono_ports{0x3b0, 12}, common_ports{0x3c0, 16}, color_ports{0x3d0, 16};
    enum class Mode : u8 { none, text_80x25 };

    explicit VgaRegisters(Clock const& clock) : clock_{clock} {}

    PortDevice& mono() { return mono_; }
    PortDevice& common() { return common_; }
    PortDevice& color() { return color_; }
    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;

    VgaState const& state() const { return state_; }
    VgaState& state() { return state_; }
    /// With `text_80x25`, as the video BIOS leaves them.
    void reset(Mode mode);

    void visit(auto&& archive) {
        archive("vga.crtc_index", crtc_index_);
        archive("vga.sequencer_index", sequencer_index_);
        archive("vga.graphics_index", graphics_index_);
        archive("vga.attribute_index", state_.attribute_index);
        archive("vga.attribute_data_next", attribute_data_next_);
        archive("vga.misc", state_.misc);
        archive("vga.feature", feature_);
        archive("vga.dac_mask", state_.dac_mask);
        archive("vga.dac_read", dac_read_);
        archive("vga.dac_write", dac_write_);
        archive("vga.dac_state", dac_reading_);
        archive("vga.crtc", state_.crtc);
        archive("vga.sequencer", state_.sequencer);
        archive("vga.graphics", state_.graphics);
        archive("vga.attributes", state_.attributes);
        archive("vga.dac", state_.dac);
        archive("vga.dispi", state_.dispi);
    }

private:
    u8 status1();
    u8 read_common(u16 port);
    void write_common(u16 port, u8 value);
    void write_attribute(u8 value);
    void write_crtc(u8 value);
    u8 read_dac();
    void write_dac(u8 value);

    Clock const& clock_;
    PortWindow mono_{*this, 0x00}, common_{*this, 0x10}, color_{*this, 0x20};
    VgaState state_{};
    u8 crtc_index_{}, sequencer_index_{}, graphics_index_{};
    bool attribute_data_next_{};
    u8 feature_{};
    u16 dac_read_{}, dac_write_{}; // color number times three plus component
    bool dac_reading_{};
};

} // namespace ring3
