// Bytes that a device puts into guest-physical memory to be accessed without it: frame buffers, option ROMs, firmware.
#pragma once

#include "base/types.h"

#include <span>

namespace ring3 {

/// Who answers for pages of the physical address space. Both ends of every range are page boundaries.
class MemoryMap {
public:
    enum class Kind : u8 {
        ram, // reads and writes go to the bytes
        rom, // writes go to the MMIO bus
    };
    virtual ~MemoryMap() = default;
    /// Lets the guest see `bytes`, which outlive the mapping, from `start` on. False, and nothing changed, if some memory
    /// is there already or the range is not one that memory may have.
    [[nodiscard]] virtual bool map(GuestPhys start, std::span<u8> bytes, Kind kind) = 0;
    /// The same for the chip set, which decides what answers: whatever was there gives way. The range is one that RAM had.
    virtual void map_over(GuestPhys start, std::span<u8> bytes, Kind kind) = 0;
    /// Takes what map() put there away again: the MMIO bus answers.
    virtual void unmap(GuestPhys start, u64 size) = 0;
};

/// For boards without a processor, in tests: takes everything, shows nothing.
class NoMemoryMap final : public MemoryMap {
public:
    bool map(GuestPhys, std::span<u8>, Kind) override { return true; }
    void map_over(GuestPhys, std::span<u8>, Kind) override {}
    void unmap(GuestPhys, u64) override {}
};

} // namespace ring3
