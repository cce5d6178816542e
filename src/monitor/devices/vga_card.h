// The graphics card: a VGA with the Bochs display interface, as a PCI function ("standard VGA", QEMU's -vga std).
//
//     ports 3B0-3DF --> VgaRegisters --+
//     A0000-BFFFF ----> VgaMemory -----+--> VgaState, video memory --> (the app draws)
//     ports 1CE, 1CF -> display -------+
//     BAR 0: video memory; BAR 2: the same registers as memory; expansion ROM: the VGA BIOS
//
// Models: what the parts above name; display modes up to the video memory's size, virtual width and panning, banks; the
//         register window of revision 2.
// Missing: EDID, big-endian frame buffers, hardware cursors (the original has none).
// Source: IBM VGA Technical Reference (1987); vbe_display_api.txt of Bochs; QEMU's docs/specs/standard-vga.rst.
#pragma once

#include "monitor/devices/pci_function.h"
#include "monitor/devices/vga_memory.h"
#include "monitor/devices/vga_registers.h"

namespace ring3 {

class VgaCard final : public PciFunction {
public:
    static constexpr PortRange display_ports{0x1ce, 3};
    enum class Start : u8 { text_mode, off };

    /// `memory`: a power of two of at least VgaMemory::planes_size bytes; `rom`: the VGA BIOS or empty. Start::text_mode
    /// is for guests that no VGA BIOS has run for.
    VgaCard(Clock const& clock, std::span<u8> memory, std::span<u8> rom, Start start);

    VgaRegisters& registers() { return registers_; }
    VgaMemory& window() { return window_; }
    PortDevice& display_port() { return display_port_; }
    VgaState const& state() const { return registers_.state(); }
    std::span<u8 const> memory() const { return memory_; }

    void reset() override;

    void visit(auto&& archive) {
        PciFunction::visit(archive);
        registers_.visit(archive);
        window_.visit(archive);
        archive("vga.display_index", display_index_);
    }

private:
    /// Index and data, 16 bits each; narrower accesses find nobody.
    struct DisplayPort final : PortDevice {
        explicit DisplayPort(VgaCard& card) : card_{card} {}
        u8 read(u16) override { return 0xff; }
        void write(u16, u8) override {}
        u32 read_wide(u16 offset, unsigned bytes) override;
        void write_wide(u16 offset, u32 value, unsigned bytes) override;
        VgaCard& card_;
    };
    /// BAR 2 (standard-vga.rst): 400h the VGA's ports from 3C0h on, 500h the display interface, 600h byte order.
    struct RegisterWindow final : MmioDevice {
        explicit RegisterWindow(VgaCard& card) : card_{card} {}
        u64 read(u64 offset, unsigned bytes) override;
        void write(u64 offset, u64 value, unsigned bytes) override;
        VgaCard& card_;
    };

    u16 read_display(unsigned index) const;
    void write_display(unsigned index, u16 value);
    void enable(u16 value);
    void fit();
    u64 pixel_bytes(u64 pixels) const;

    std::span<u8> memory_;
    Start const start_;
    VgaRegisters registers_;
    VgaMemory window_;
    DisplayPort display_port_{*this};
    RegisterWindow register_window_{*this};
    u16 display_index_{};
};

} // namespace ring3
