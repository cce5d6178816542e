// A virtio device on the PCI bus.
//
//     BAR 0, ports:  the legacy registers, and the device's configuration behind them
//     BAR 4, memory: 0000h common, 1000h interrupt status, 2000h device's configuration, 3000h notifications
//
// Models: the modern interface with its five capabilities, among them access through configuration space; the legacy
//         interface; both at once (a transitional device) or one of them; INTA#.
// Missing: MSI-X.
// Source: VIRTIO 1.1, 4.1.
#pragma once

#include "monitor/devices/pci_function.h"
#include "monitor/devices/virtio/virtio_transport.h"

namespace ring3 {

class VirtioPci final : public PciFunction {
public:
    VirtioPci(VirtioDescription const& description, DmaMemory& memory, VirtioPort& port);

    VirtioUser& user() { return transport_; }
    void reset() override;

    void visit(auto&& archive) {
        PciFunction::visit(archive);
        transport_.visit(archive);
    }

private:
    static constexpr u64 window_size = 0x4000;
    static constexpr u32 notify_stride = 4;
    static constexpr u8 port_bar = 0, memory_bar = 4;
    enum class Part : u8 { common, isr, config, notify }; // in the window's order
    static constexpr u32 part_size = 0x1000;

    class Interrupt final : public Line {
    public:
        explicit Interrupt(VirtioPci& function) : function_{function} {}
        void set(bool high) override { function_.set_intx(high); }

    private:
        VirtioPci& function_;
    };
    class LegacyPorts final : public PortDevice {
    public:
        explicit LegacyPorts(VirtioTransport& transport) : transport_{transport} {}
        u8 read(u16 offset) override;
        void write(u16 offset, u8 value) override { write_wide(offset, value, 1); }
        void write_wide(u16 offset, u32 value, unsigned bytes) override;

    private:
        VirtioTransport& transport_;
    };
    class ModernWindow final : public MmioDevice {
    public:
        explicit ModernWindow(VirtioTransport& transport) : transport_{transport} {}
        u64 read(u64 offset, unsigned bytes) override;
        void write(u64 offset, u64 value, unsigned bytes) override;

    private:
        u8 read_byte(Part part, u64 offset);
        VirtioTransport& transport_;
    };

    static Identity identity_of(VirtioDescription const& description);
    void add_capabilities();
    void config_reading(u8 offset, unsigned bytes) override;
    void config_written(u8 offset, unsigned bytes) override;
    bool is_back_door(u8 offset) const { return back_door_ != 0 && offset / 4 == (back_door_ + 16) / 4; }
    bool reaches_back_door(u64& offset, unsigned& bytes) const;

    Interrupt interrupt_{*this};
    VirtioTransport transport_;
    LegacyPorts ports_{transport_};
    ModernWindow window_{transport_};
    u8 back_door_{}; // the capability that reaches the window through configuration space
};

} // namespace ring3
