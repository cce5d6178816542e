// Guest RAM as bus masters see it: by guest-physical address, without paging and without the A20 gate.
//
// Every device in the monitor that moves data by itself (IDE, network, fw_cfg, the 8237) takes a DmaMemory& and nothing
// else. Code that was decoded or translated from the bytes is dropped before they change, as for a store of the guest's.
// Totality: addresses and lengths are the guest's and may be anything. What is not RAM (ROM, device registers, nothing)
// takes no part: it reads as all ones, swallows writes, and makes the answer false, so that a device can report a bus
// error if its hardware does. A range that wraps at the end of the address space touches nothing.
#pragma once

#include "base/types.h"

#include <span>

namespace ring3 {

class DmaMemory {
public:
    virtual ~DmaMemory() = default;
    /// True if all of it was RAM.
    virtual bool read(GuestPhys address, std::span<u8> out) = 0;
    virtual bool write(GuestPhys address, std::span<u8 const> bytes) = 0;
    /// The app has written these bytes by itself (disk reads, virtio): code that was made from them is stale. To be called
    /// before the guest hears of the completion.
    virtual void note_written(GuestPhys address, u64 bytes) = 0;
};

/// For boards without memory, in tests: nothing is RAM.
class NoDmaMemory final : public DmaMemory {
public:
    bool read(GuestPhys, std::span<u8> out) override {
        for (u8& byte : out) byte = 0xff;
        return out.empty();
    }
    bool write(GuestPhys, std::span<u8 const> bytes) override { return bytes.empty(); }
    void note_written(GuestPhys, u64) override {}
};

} // namespace ring3
