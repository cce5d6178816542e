// Intel 82093AA I/O APIC: 24 pins, each with a redirection entry that says which vector goes where.
//
// Models: indirect registers, edge and level, remote IRR with EOI broadcast, masking (an edge on a masked pin is lost),
//         all delivery modes, physical and logical destinations.
// Missing: pin polarity (lines here are "asserted" or not; the bit is kept), the arbitration among several I/O APICs.
// Source: 82093AA data sheet (290566).
#pragma once

#include "base/reg.h"
#include "monitor/devices/apic_bus.h"
#include "monitor/devices/bus/mmio_bus.h"

#include <array>

namespace ring3 {

class IoApic final : public MmioDevice, public EoiListener {
public:
    static constexpr u64 default_base = 0xfec0'0000;
    static constexpr u64 size = 0x1000;
    static constexpr unsigned pin_count = 24;

    explicit IoApic(ApicBus& bus) : bus_{bus} { reset(); }

    u64 read(u64 offset, unsigned bytes) override;
    void write(u64 offset, u64 value, unsigned bytes) override;
    void end_of_interrupt(u8 vector) override;
    void set_pin(unsigned pin, bool high);
    void set_id(u8 id) { id_ = id & 0x0f; }
    void reset();

    void visit(auto&& archive) {
        archive("ioapic.select", select_);
        archive("ioapic.id", id_);
        archive("ioapic.lines", lines_);
        for (auto& entry : entries_) archive("ioapic.entry", entry.raw);
    }

private:
    struct Entry : Reg<Entry, u64> {
        using Vector = Field<7, 0>;
        using Mode = Field<10, 8>;
        using Logical = Field<11>;
        using Polarity = Field<13>;
        using RemoteIrr = Field<14>;
        using Level = Field<15>;
        using Mask = Field<16>;
        using Destination = Field<63, 56>;
        static constexpr u64 writable = 0xff00'0000'0001'afff;
    };
    u32 read_register() const;
    void write_register(u32 value);
    void write_entry(unsigned pin, u64 value);
    bool asserted(unsigned pin) const { return (lines_ >> pin & 1) != 0; }
    void service(unsigned pin);
    bool send(Entry entry);

    ApicBus& bus_;
    u8 select_{};
    u8 id_{};
    u32 lines_{};
    std::array<Entry, pin_count> entries_{};
};

} // namespace ring3
