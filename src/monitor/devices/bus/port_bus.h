// The I/O port space: 65,536 ports, each claimed by at most one device. Total: any port, width and value is answered.
#pragma once

#include "base/types.h"

#include <array>
#include <memory>
#include <vector>

namespace ring3 {

/// Ports first .. first + count - 1.
struct PortRange {
    u16 first{};
    u16 count{};
};

/// A device with byte-wide registers. The bus hands offsets within the claimed range, not absolute ports.
class PortDevice {
public:
    virtual ~PortDevice() = default;
    virtual u8 read(u16 offset) = 0;
    virtual void write(u16 offset, u8 value) = 0;
    /// Wider accesses; by default they fall apart into bytes, lowest first, as on an 8-bit ISA device.
    virtual u32 read_wide(u16 offset, unsigned bytes);
    virtual void write_wide(u16 offset, u32 value, unsigned bytes);
};

/// Told of accesses to ports that nobody claims (for `-d guest_errors` and the trace ring).
class UnclaimedPorts {
public:
    virtual ~UnclaimedPorts() = default;
    virtual void unclaimed_read(u16 port, unsigned bytes) = 0;
    virtual void unclaimed_write(u16 port, u32 value, unsigned bytes) = 0;
};

class PortBus {
public:
    /// Claims ports for a device. False, and nothing claimed, if one of them is taken: a wiring error.
    [[nodiscard]] bool claim(PortRange range, PortDevice& device);
    /// Gives up whatever ports a device has in the range (PCI BARs move).
    void release(PortRange range);

    u32 read(u16 port, unsigned bytes);
    void write(u16 port, u32 value, unsigned bytes);

    void set_unclaimed(UnclaimedPorts* listener) { listener_ = listener; }

private:
    struct Claim {
        PortDevice* device{};
        u16 first{};
        u32 end{}; // first port behind the range
    };
    Claim const* find(u16 port) const;
    std::vector<Claim> claims_; // sorted by first
    UnclaimedPorts* listener_{};
};

} // namespace ring3
