// The memory between 768 KiB and 1 MiB as the i440FX switches it: each of thirteen segments leads reads to RAM or to the
// ROM on the bus, and writes to RAM or nowhere, by two bits of its programmable attribute map (PAM).
//
//     C0000 +----------------+ segments 0..11, 16 KiB each      reads RAM, writes RAM   plain memory
//           | option ROMs    |                                  reads RAM, writes bus   write-protected shadow
//     E0000 +----------------+                                  reads ROM, writes RAM   while firmware copies itself
//           | firmware       |                                  reads ROM, writes bus   after reset
//     F0000 +----------------+ segment 12, 64 KiB
//           | firmware       |
//    100000 +----------------+
//
// The ROM's last 128 KiB show there; where it does not reach, the bus reads as ones.
// Source: 82441FX data sheet (290549), PAM0-PAM6 (offsets 59h-5Fh).
#pragma once

#include "monitor/devices/bus/memory_map.h"
#include "monitor/devices/bus/mmio_bus.h"

#include <array>
#include <span>

namespace ring3 {

class ShadowRam final : public MmioDevice {
public:
    static constexpr u64 base = 0xc'0000, size = 0x4'0000;
    static constexpr unsigned segments = 13, last_segment = 12;
    struct Access {
        bool read_ram{}, write_ram{};
        friend bool operator==(Access, Access) = default;
    };
    /// `ram`: what lies at `base`, and is mapped there when the machine is put together; empty in tests without memory.
    /// `rom`: the firmware, whole pages of it; empty if there is none.
    ShadowRam(MemoryMap& map, std::span<u8> ram, std::span<u8> rom);

    void set(unsigned segment, Access access);

    // Where no RAM or ROM is read, and all writes that do not go to RAM directly.
    u64 read(u64 offset, unsigned bytes) override;
    void write(u64 offset, u64 value, unsigned bytes) override;

private:
    struct Range {
        u64 offset, size;
    };
    static constexpr Range range_of(unsigned segment) {
        constexpr u64 small = 0x4000, last = 0x1'0000;
        return segment == last_segment ? Range{size - last, last} : Range{segment * small, small};
    }
    static constexpr unsigned segment_of(u64 offset) {
        return offset >= range_of(last_segment).offset ? last_segment : static_cast<unsigned>(offset / 0x4000);
    }
    std::span<u8> rom_at(Range range) const;

    MemoryMap& map_;
    std::span<u8> ram_, rom_;
    std::array<Access, segments> access_;
};

} // namespace ring3
