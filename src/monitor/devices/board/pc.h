// The board `pc`: an i440FX/PIIX personal computer with one processor socket.
//
// Pc owns every chip by value and is its own wiring diagram: the members below, in order, name each wire where the chip
// that drives it is made; pc.cpp says at which ports and addresses each chip answers. The processor sees the board through
// a few functions: ports(), mmio(), interrupts, NMI, the APIC's MSR; whoever runs it calls timers().run_expired() at
// timers().next_deadline().
//
//     devices --irq wires--> InterruptLines --+--> PicPair --INTR--+--> LocalApic LINT0 --> interrupt_pending()
//                                             +--> IoApic <--------+    LINT1 <-- NMI
#pragma once

#include "base/firmware_config.h"
#include "monitor/devices/acpi_pm.h"
#include "monitor/devices/board/addresses.h"
#include "monitor/devices/board/drives.h"
#include "monitor/devices/board/interrupt_lines.h"
#include "monitor/devices/board/network_cards.h"
#include "monitor/devices/board/pci_interrupts.h"
#include "monitor/devices/board/test_cards.h"
#include "monitor/devices/board/virtio_cards.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/memory_map.h"
#include "monitor/devices/bus/mmio_bus.h"
#include "monitor/devices/bus/outside.h"
#include "monitor/devices/bus/wires.h"
#include "monitor/devices/debug_ports.h"
#include "monitor/devices/fpu_error.h"
#include "monitor/devices/fw_cfg.h"
#include "monitor/devices/i8042.h"
#include "monitor/devices/io_apic.h"
#include "monitor/devices/local_apic.h"
#include "monitor/devices/mc146818.h"
#include "monitor/devices/parallel_port.h"
#include "monitor/devices/pci_bus.h"
#include "monitor/devices/pic8259.h"
#include "monitor/devices/piix.h"
#include "monitor/devices/pit8254.h"
#include "monitor/devices/port92.h"
#include "monitor/devices/shadow_ram.h"
#include "monitor/devices/uart16550.h"
#include "monitor/devices/vga_card.h"

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace ring3 {

/// What is on the board.
struct PcConfig {
    u64 ram_below_4g{};
    u64 ram_above_4g{};
    i64 rtc_epoch{}; // seconds since 1970 that the clock shows at power-on
    unsigned physical_address_bits{36};
    std::array<bool, 4> serial{};        // COM1-COM4
    bool parallel{};                     // LPT1
    std::optional<u16> debug_console;    // isa-debugcon: its port
    std::optional<PortRange> debug_exit; // isa-debug-exit: its ports
    bool run_control{};                  // the ports of `ring3 run`'s helper
    bool isa_test_device{};              // pc-testdev
    bool pci_test_device{};              // pci-testdev
    Graphics graphics{Graphics::standard_vga};
    FirmwareConfig firmware{}; // without an image the board is as firmware would leave it
    std::vector<DriveDescription> drives{};
    std::vector<NicDescription> nics{};
    std::vector<VirtioDescription> virtio{};
};

/// What is plugged into it. An empty sink takes everything and says nothing.
struct PcOutside {
    std::array<CharSink*, 4> serial{};
    CharSink* parallel{};
    CharSink* debug_console{};
    DmaMemory* dma{};                  // guest RAM, for bus masters
    std::vector<BlockPort*> disks{};   // PcConfig::drives' media
    std::vector<FramePort*> nics{};    // PcConfig::nics' cables
    std::vector<VirtioPort*> virtio{}; // who processes PcConfig::virtio's queues
    MemoryMap* memory_map{};           // for devices that show bytes of theirs
    std::span<u8> shadow_memory{};     // the RAM from ShadowRam::base on
    std::span<u8> video_memory{};      // for the graphics card (VgaCard says how much)
};

class Pc {
public:
    /// `a20` follows the A20 gate; everything given must outlive the board.
    Pc(PcConfig const& config, Clock const& clock, PcOutside const& outside, PowerSwitch& power, Line& a20);
    Pc(Pc const&) = delete;

    PortBus& ports() { return ports_; }
    MmioBus& mmio() { return mmio_; }
    TimerQueue& timers() { return timers_; }

    // ---- the processor's pins
    bool interrupt_pending() const { return intr_.high(); }
    u8 acknowledge_interrupt();
    bool nmi_pending() const { return nmi_.pending; }
    /// The processor takes the NMI.
    void acknowledge_nmi() { nmi_.pending = false; }
    /// FERR#: the coprocessor reports an error the old way, by IRQ 13.
    void set_ferr(bool raised) { fpu_error_.set_ferr(raised); }
    /// IGNNE#: the guest's handler has written port F0h since FERR# rose.
    bool ignne() const { return fpu_error_.ignne(); }
    /// IA32_APIC_BASE. False: not a register of the board, or a value that is #GP(0).
    bool msr_read(u32 index, u64& value) const;
    bool msr_write(u32 index, u64 value);

    // ---- people and programs outside
    /// A port that is there (PcConfig::serial); 0 is COM1.
    bool has_serial(unsigned number) const { return number < serial_.size() && serial_[number]; }
    Uart16550& serial(unsigned number) { return *serial_[number]; }
    void press_power_button() { pm_.press_power_button(); }
    void skip_rtc(Nanoseconds time) { rtc_.skip(time); }
    void raise_nmi();

    I8042& keyboard() { return keyboard_; }
    /// Where further functions are plugged in (pci_function.h says how they are made). Their pins end at pc::pirq_of().
    PciBus& pci() { return pci_; }
    void set_pci_interrupt(unsigned slot, unsigned pin, bool asserted) {
        pci_interrupts_.set_intx(slot, 0, pin, asserted);
    }
    /// Guest RAM, for bus masters.
    DmaMemory& dma() { return dma_; }
    /// nullptr: no such card.
    NetworkCard* network_card(unsigned number) { return network_.card(number); }
    /// nullptr: no such device.
    VirtioUser* virtio_device(unsigned number) { return virtio_.device(number); }
    Drives& drives() { return drives_; }
    FwCfg& fw_cfg() { return fw_cfg_; }
    /// nullptr: there is none.
    VgaCard const* graphics() const { return vga_.get(); }
    u64 lost_timer_ticks() const { return pit_.lost_ticks(); }

    /// The RESET# line: every chip as at power-up, except that clock and CMOS go on. To be called between instructions.
    void reset();

    /// Every bit of state of every chip, under names such as "com1.uart.lcr".
    void visit(auto&& archive);

private:
    static constexpr u32 msr_apic_base = 0x1b;

    void claim_ports();
    void claim_configured_ports(PcConfig const& config);
    void claim_mmio();
    void map_local_apic();
    void fill_cmos(PcConfig const& config);
    void start_interrupts();
    void fill_fw_cfg(PcConfig const& config);
    void map_firmware();
    void plug_graphics(PcConfig const& config, Clock const& clock, std::span<u8> memory);

    /// NMI is an edge: it waits until the processor takes it.
    struct NmiLatch final : Line {
        void set(bool high) override { pending |= high; }
        bool pending{};
    };
    /// The far end of a port that nothing is plugged into.
    struct NoSink final : CharSink {
        void write(u8) override {}
    };
    /// Tells the outside that some chip pulled the reset line.
    struct ResetLine final : Line {
        explicit ResetLine(PowerSwitch& power) : power_{power} {}
        void set(bool high) override {
            if (high) power_.reset();
        }
        PowerSwitch& power_;
    };

    NoSink no_sink_;
    NoDmaMemory no_dma_;
    NoMemoryMap no_memory_map_;
    DmaMemory& dma_;
    MemoryMap& memory_map_;
    std::vector<u8> rom_;
    unsigned physical_address_bits_;
    PortBus ports_;
    MmioBus mmio_;
    TimerQueue timers_;

    // ---- interrupt controllers
    Level intr_;
    NmiLatch nmi_;
    LocalApic local_apic_;
    IoApic io_apic_{local_apic_};
    Pin<LocalApic, &LocalApic::set_lint> lint0_{local_apic_, 0};
    Pin<LocalApic, &LocalApic::set_lint> lint1_{local_apic_, 1};
    Pin<IoApic, &IoApic::set_pin> ext_int_pin_{io_apic_, 0};
    Fork pic_output_{lint0_, ext_int_pin_};
    PicPair pic_{pic_output_};
    InterruptLines irqs_{pic_, io_apic_};

    // ---- power, reset, A20
    ResetLine reset_line_;
    // Chip sets open A20 while one of the two says so. Here whoever spoke last decides, as in QEMU: SeaBIOS opens it by port
    // 92h and leaves it so, which would take the keyboard controller's way to close it from DOS.
    LastWord a20_gate_;
    Pin<LastWord, &LastWord::set_input> a20_from_8042_{a20_gate_, 0};
    Pin<LastWord, &LastWord::set_input> a20_from_port92_{a20_gate_, 1};
    Port92 port92_{a20_from_port92_, reset_line_};
    IrqWire sci_irq_{irqs_, pc::sci_irq};
    AcpiPm pm_;
    SmiCommandPort smi_command_{pm_};

    // ---- PCI
    PciIrqWires pci_irqs_{irqs_};
    ShadowRam shadow_ram_;
    HostBridge host_bridge_;
    IsaBridge isa_bridge_;
    PowerManagementFunction pm_function_;
    PciInterruptWires pci_interrupts_{isa_bridge_};
    PciBus pci_{reset_line_, PciSpaces{ports_, mmio_, memory_map_}, pci_interrupts_};

    // ---- drives
    Drives drives_{dma_, irqs_};

    // ---- network
    NetworkCards network_{timers_, dma_};

    // ---- virtio
    VirtioCards virtio_{dma_};

    // ---- time
    IrqWire timer_irq_{irqs_, pc::timer_irq};
    Pit8254 pit_{timers_, timer_irq_};
    Port61 port61_;
    IrqWire rtc_irq_{irqs_, pc::rtc_irq};
    Mc146818 rtc_;

    // ---- serial ports; COM1 and COM3 share a line, and so do COM2 and COM4
    std::array<IrqWire, 4> serial_irqs_{IrqWire{irqs_, pc::com_irqs[0]}, IrqWire{irqs_, pc::com_irqs[1]},
                                        IrqWire{irqs_, pc::com_irqs[2], IrqWire::Driver::second_isa},
                                        IrqWire{irqs_, pc::com_irqs[3], IrqWire::Driver::second_isa}};
    std::array<std::unique_ptr<Uart16550>, 4> serial_;

    // ---- keyboard, printer, screen
    IrqWire keyboard_irq_{irqs_, pc::keyboard_irq};
    IrqWire mouse_irq_{irqs_, pc::mouse_irq};
    I8042 keyboard_{keyboard_irq_, mouse_irq_, a20_from_8042_, reset_line_};
    IrqWire parallel_irq_{irqs_, pc::lpt1_irq};
    ParallelPort parallel_;
    std::vector<u8> vga_rom_;
    std::vector<u8> own_video_memory_; // if nobody gave some
    std::unique_ptr<VgaCard> vga_;

    // ---- the rest of the ISA bus
    IrqWire fpu_irq_{irqs_, pc::fpu_irq};
    FpuError fpu_error_{fpu_irq_};
    FwCfg fw_cfg_{dma_};
    DebugExit debug_exit_;
    DebugConsole debug_console_;
    RunControl run_control_;
    TestCards test_cards_{irqs_};

    bool local_apic_mapped_{};
    u64 local_apic_mapping_{};
};

void Pc::visit(auto&& archive) {
    auto const in = [&archive](std::string const& prefix) {
        return [&archive, prefix](std::string_view name, auto& value) { archive(prefix + std::string{name}, value); };
    };
    local_apic_.visit(in("cpu0."));
    io_apic_.visit(in(""));
    pic_.visit(in(""));
    irqs_.visit(in(""));
    a20_gate_.visit(in("a20."));
    port92_.visit(in(""));
    pm_.visit(in(""));
    smi_command_.visit(in(""));
    host_bridge_.visit(in("host_bridge."));
    isa_bridge_.visit(in("isa_bridge."));
    pm_function_.visit(in("pm_function."));
    pci_interrupts_.visit(in(""));
    pci_.visit(in(""));
    drives_.visit(in(""));
    network_.visit(in(""));
    virtio_.visit(in(""));
    pit_.visit(in(""));
    port61_.visit(in(""));
    rtc_.visit(in(""));
    for (std::size_t i = 0; i < serial_.size(); ++i)
        if (serial_[i]) serial_[i]->visit(in("com" + std::to_string(i + 1) + "."));
    keyboard_.visit(in(""));
    parallel_.visit(in(""));
    if (vga_) vga_->visit(in("vga."));
    fpu_error_.visit(in(""));
    fw_cfg_.visit(in(""));
    run_control_.visit(in(""));
    test_cards_.visit(in(""));
    archive("nmi.pending", nmi_.pending);
    intr_.visit(in("intr."));
    map_local_apic();
}

} // namespace ring3
