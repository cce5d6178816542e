// One function of a PCI device: 256 bytes of configuration space, each bit of which a guest may write or not.
//
// Models: the type 0 header, read-only and writable bits.
// Missing: base address registers are plain writable bits until a device that needs them acts on config_written().
// Source: PCI Local Bus Specification 2.1, chapter 6.
#pragma once

#include "base/types.h"

#include <array>

namespace ring3 {

class PciFunction {
public:
    struct Identity {
        u16 vendor{}, device{};
        u32 class_code{}; // class, subclass, programming interface
        u8 revision{};
        bool multifunction{};
    };
    explicit PciFunction(Identity identity);
    virtual ~PciFunction() = default;

    /// `bytes` is 1, 2 or 4 and the access does not leave the aligned dword.
    u32 read_config(u8 offset, unsigned bytes) const;
    void write_config(u8 offset, u32 value, unsigned bytes);

    void visit(auto&& archive) {
        archive("pci.config", config_);
        config_written(0, 256);
    }

protected:
    /// Offsets of the header that devices name (table 6-1).
    enum Header : u8 { command = 0x04, status = 0x06, interrupt_line = 0x3c, interrupt_pin = 0x3d };

    u8 byte(u8 offset) const { return config_[offset]; }
    u16 word(u8 offset) const { return static_cast<u16>(read_config(offset, 2)); }
    /// Sets a register and which of its bits the guest may write.
    void define(u8 offset, u32 value, unsigned bytes, u32 writable);
    /// The guest wrote to [offset, offset + bytes).
    virtual void config_written(u8 /*offset*/, unsigned /*bytes*/) {}

private:
    std::array<u8, 256> config_{};
    std::array<u8, 256> writable_{};
};

} // namespace ring3
