// QEMU's firmware configuration device: small read-only items that a host hands to firmware and test kernels.
//
// Models: selector at 510h, data at 511h, the well-known items, the file directory.  Missing: the DMA interface, writes.
// Source: docs/specs/fw_cfg.rst of QEMU.
#pragma once

#include "monitor/devices/bus/port_bus.h"

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace ring3 {

class FwCfg final : public PortDevice {
public:
    static constexpr PortRange ports{0x510, 2};
    /// Keys of items that are not files.
    enum Key : u16 {
        signature = 0x00,
        interface = 0x01,
        ram_size = 0x03,
        cpu_count = 0x05,
        most_cpus = 0x0f,
        file_directory = 0x19,
        first_file = 0x20,
    };

    FwCfg();
    void add(u16 key, std::span<u8 const> bytes);
    void add_number(u16 key, u64 value, unsigned bytes); // little-endian
    void add_file(std::string_view name, std::span<u8 const> bytes);

    u8 read(u16 offset) override;
    void write(u16 offset, u8 value) override;
    u32 read_wide(u16 offset, unsigned bytes) override;
    void write_wide(u16 offset, u32 value, unsigned bytes) override;
    void reset() { select(0); }

    void visit(auto&& archive) {
        archive("fw_cfg.key", key_);
        archive("fw_cfg.position", position_);
    }

private:
    struct Item {
        u16 key{};
        std::vector<u8> bytes;
    };
    void select(u16 key);
    std::vector<u8>& item(u16 key);

    std::vector<Item> items_;
    u16 files_{};
    u16 key_{};
    u32 position_{};
};

} // namespace ring3
