// Device registers in the physical address space: what is not RAM or ROM ends here. Total: any address, width and value
// is answered; what nobody claims reads as ones and swallows writes, like a bus without a target.
#pragma once

#include "base/types.h"

#include <vector>

namespace ring3 {

/// Addresses first .. first + size - 1.
struct MmioRange {
    GuestPhys first{};
    u64 size{};
};

/// A device with memory-mapped registers. Accesses have 1, 2, 4 or 8 bytes and lie wholly within the claimed range;
/// the device decides what widths and alignments mean. The bus cuts values to the access's width, both ways.
class MmioDevice {
public:
    virtual ~MmioDevice() = default;
    virtual u64 read(u64 offset, unsigned bytes) = 0;
    virtual void write(u64 offset, u64 value, unsigned bytes) = 0;
};

/// Told of accesses that nobody claims.
class UnclaimedMmio {
public:
    virtual ~UnclaimedMmio() = default;
    virtual void unclaimed_mmio_read(GuestPhys address, unsigned bytes) = 0;
    virtual void unclaimed_mmio_write(GuestPhys address, u64 value, unsigned bytes) = 0;
};

class MmioBus {
public:
    /// Claims addresses for a device. False, and nothing claimed, if one of them is taken or the range wraps.
    [[nodiscard]] bool claim(MmioRange range, MmioDevice& device);
    /// Gives up whatever a device has wholly within the range.
    void release(MmioRange range);
    /// Does somebody claim an address of the range?
    bool is_claimed(MmioRange range) const;

    u64 read(GuestPhys address, unsigned bytes);
    void write(GuestPhys address, u64 value, unsigned bytes);

    void set_unclaimed(UnclaimedMmio* listener) { listener_ = listener; }

private:
    struct Claim {
        MmioDevice* device{};
        u64 first{};
        u64 last{};
    };
    Claim const* find(u64 address) const;
    std::vector<Claim> claims_; // sorted by first
    UnclaimedMmio* listener_{};
};

} // namespace ring3
