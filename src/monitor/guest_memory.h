// The monitor's guest-physical memory as the board's devices see it: for bus masters (DmaMemory), and for devices that
// show bytes of their own at guest-physical addresses (MemoryMap).
#pragma once

#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/memory_map.h"
#include "monitor/devices/bus/mmio_bus.h"
#include "monitor/mmu/mmu.h"

namespace ring3 {

/// PhysicalMemory drops the code of what is written.
class GuestDma final : public DmaMemory {
public:
    explicit GuestDma(PhysicalMemory& memory) : memory_{memory} {}
    bool read(GuestPhys address, std::span<u8> out) override;
    bool write(GuestPhys address, std::span<u8 const> bytes) override;
    void note_written(GuestPhys address, u64 bytes) override;

private:
    bool is_ram(GuestPhys address, u64 bytes) const;
    PhysicalMemory& memory_;
};

class GuestMemoryMap final : public MemoryMap {
public:
    /// Puts `ram` where boards have it: below the PCI hole, with the gap for video memory, and from 4 GiB on.
    GuestMemoryMap(Mmu& mmu, std::span<u8> ram);
    /// Registers that lie on the bus keep their place.
    void set_registers(MmioBus const& bus) { registers_ = &bus; }
    [[nodiscard]] bool map(GuestPhys start, std::span<u8> bytes, Kind kind) override;
    void map_over(GuestPhys start, std::span<u8> bytes, Kind kind) override;
    void unmap(GuestPhys start, u64 size) override;

private:
    Mmu& mmu_;
    MmioBus const* registers_{};
};

} // namespace ring3
