// QEMU's firmware configuration device: small read-only items that a host hands to firmware and test kernels.
//
// Models: selector at 510h, data at 511h, the DMA interface at 514h, the well-known items, the file directory.
// Missing: items that a guest may write (every write is answered with the error bit).
// Totality: a DMA request may name any address and length. What is not RAM ends it with the error bit; behind an item's
//           end there are zeros.
// Source: docs/specs/fw_cfg.rst of QEMU.
#pragma once

#include "base/reg.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/port_bus.h"

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace ring3 {

class FwCfg final : public PortDevice {
public:
    static constexpr PortRange ports{0x510, 2}, dma_ports{0x514, 8};
    /// Keys of items that are not files.
    enum Key : u16 {
        signature = 0x00,
        interface = 0x01,
        ram_size = 0x03,
        no_graphics = 0x04,
        cpu_count = 0x05,
        boot_menu = 0x0e,
        most_cpus = 0x0f,
        file_directory = 0x19,
        first_file = 0x20,
        irq0_override = 0x8002, // local to the architecture: IRQ 0 is I/O APIC input 2
    };

    explicit FwCfg(DmaMemory& memory);
    void add(u16 key, std::span<u8 const> bytes);
    void add_number(u16 key, u64 value, unsigned bytes); // little-endian
    void add_file(std::string_view name, std::span<u8 const> bytes);

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    u32 read_wide(u16 offset, unsigned bytes) override;
    void write_wide(u16 offset, u32 value, unsigned bytes) override;
    PortDevice& dma_port() { return dma_port_; }
    void reset();

    void visit(auto&& archive) {
        archive("fw_cfg.key", key_);
        archive("fw_cfg.position", position_);
        archive("fw_cfg.dma_address", dma_port_.address_);
    }

private:
    struct Item {
        u16 key{};
        std::vector<u8> bytes;
    };
    /// The address register: big-endian, in two halves. The low half's last byte starts the request.
    class DmaPort final : public PortDevice {
    public:
        explicit DmaPort(FwCfg& device) : device_{device} {}
        u8 read(u16 offset) override;
        void write(u16 offset, u8 value) override;

    private:
        friend class FwCfg;
        FwCfg& device_;
        std::array<u8, 8> address_{};
    };
    /// The control field of a request.
    struct Control : Reg<Control, u32> {
        using Error = Field<0>;
        using Read = Field<1>;
        using Skip = Field<2>;
        using Select = Field<3>;
        using Write = Field<4>;
        using Key = Field<31, 16>;
    };

    void select(u16 key);
    std::vector<u8>& item(u16 key);
    std::span<u8 const> rest() const;
    void serve(GuestPhys request);
    bool transfer(Control control, GuestPhys address, u32 length);

    DmaMemory& memory_;
    DmaPort dma_port_{*this};
    std::vector<Item> items_;
    u16 files_{};
    u16 key_{};
    u32 position_{};
};

} // namespace ring3
