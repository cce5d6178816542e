// The receiving half of an 82540EM.
//
// Models: legacy receive descriptors of all buffer sizes, packets over several of them, padding to 60 bytes, long packets,
//         VLAN stripping, checksum verification (RXCSUM), the free-descriptor threshold, statistics.
// Missing: the frame check sequence is four zero bytes, where it is not stripped; packet-split descriptors, which only
//          later chips have; early receive interrupts; checksums of IPv6.
// Source: 317453 3.2, 13.4.22ff., 13.4.44 (RXCSUM).
#pragma once

#include "monitor/devices/bus/dma.h"
#include "monitor/devices/e1000_filter.h"
#include "monitor/devices/e1000_interrupts.h"
#include "monitor/devices/e1000_ring.h"
#include "monitor/devices/e1000_statistics.h"

#include <string>
#include <vector>

namespace ring3 {

class E1000Receiver {
public:
    struct Parts {
        DmaMemory& memory;
        E1000Interrupts& interrupts;
        E1000Statistics& statistics;
        E1000Filter& filter;
    };
    struct Conditions {
        bool may_run{}; // bus master, link
        bool strip{};   // CTRL.VME: tags are taken out
        u16 tag_type{}; // VET
    };
    explicit E1000Receiver(Parts parts) : parts_{parts} {}

    E1000Ring& ring() { return ring_; }
    u32 control() const { return control_.raw; }
    void set_control(u32 value) { control_.raw = value & E1000ReceiveControl::writable; }
    u32 checksum_control() const { return checksums_.raw; }
    void set_checksum_control(u32 value) { checksums_.raw = value & 0x7ff; }

    /// False: there is no room for a frame of the usual size just now.
    bool can_receive(Conditions const& conditions) const;
    void receive(std::span<u8 const> frame, Conditions const& conditions);
    void reset();

    void visit(auto&& archive) {
        ring_.visit([&](std::string_view name, auto& value) { archive("e1000.rx." + std::string{name}, value); });
        archive("e1000.rctl", control_.raw);
        archive("e1000.rxcsum", checksums_.raw);
    }

private:
    using Control = E1000ReceiveControl;
    struct Checksums : Reg<Checksums, u32> {
        using Start = Field<7, 0>;
        using Ip = Field<8>;
        using TcpUdp = Field<9>;
    };
    /// Status and errors of a packet, as its last descriptor reports them.
    struct Verdict {
        u8 status{}, errors{};
    };
    bool is_on(Conditions const& conditions) const { return conditions.may_run && control_.has<Control::Enable>(); }
    u32 buffers_for(std::size_t bytes) const {
        return static_cast<u32>((bytes + control_.buffer_bytes() - 1) / control_.buffer_bytes());
    }
    Verdict verify(std::span<u8 const> frame) const;
    void store(std::span<u8 const> bytes, u16 checksum, u16 tag, Verdict verdict);
    void report(u32 free_before);

    Parts parts_;
    E1000Ring ring_;
    E1000ReceiveControl control_{};
    Checksums checksums_{};
    std::vector<u8> buffer_;
};

} // namespace ring3
