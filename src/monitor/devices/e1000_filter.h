// Which frames an 82540EM takes in: exact addresses, the multicast hash, broadcasts, VLANs.
// Source: 317453 3.2.1 (packet address filtering), 9.2 (VLAN filtering), 13.4.22 (RCTL), 13.5.
#pragma once

#include "base/reg.h"

#include <array>
#include <span>

namespace ring3 {

/// RCTL, receive control.
struct E1000ReceiveControl : Reg<E1000ReceiveControl, u32> {
    using Enable = Field<1>;
    using StoreBad = Field<2>;
    using UnicastPromiscuous = Field<3>;
    using MulticastPromiscuous = Field<4>;
    using LongPackets = Field<5>;
    using Loopback = Field<7, 6>;
    using Threshold = Field<9, 8>; // of free descriptors: a half, a quarter, an eighth
    using MulticastOffset = Field<13, 12>;
    using Broadcast = Field<15>;
    using BufferSize = Field<17, 16>;
    using VlanFilter = Field<18>;
    using PassMacControl = Field<23>;
    using BufferExtension = Field<25>;
    using StripCheckSequence = Field<26>;
    static constexpr u32 writable = 0x06ff'fffe;

    constexpr u32 buffer_bytes() const {
        u32 const size = 2048u >> get<BufferSize>();
        // With the extension, 00b is reserved (13.4.22): as if it were not set.
        return has<BufferExtension>() && size != 2048 ? size * 16 : size;
    }
};

class E1000Filter {
public:
    static constexpr unsigned addresses = 16, table_words = 128;

    bool passes(std::span<u8 const> frame, E1000ReceiveControl control) const;

    u32 multicast(unsigned i) const { return multicast_[i % table_words]; }
    void set_multicast(unsigned i, u32 value) { multicast_[i % table_words] = value; }
    u32 vlan(unsigned i) const { return vlan_[i % table_words]; }
    void set_vlan(unsigned i, u32 value) { vlan_[i % table_words] = value; }
    /// RAL and RAH, in turn.
    u32 address(unsigned i) const { return addresses_[i % addresses_.size()]; }
    void set_address(unsigned i, u32 value);
    void reset() { multicast_ = {}, vlan_ = {}, addresses_ = {}; }

    void visit(auto&& archive) {
        archive("e1000.mta", multicast_);
        archive("e1000.vfta", vlan_);
        archive("e1000.ra", addresses_);
    }

private:
    bool is_own(std::span<u8 const> frame) const;
    bool is_in_table(std::span<u8 const> frame, E1000ReceiveControl control) const;

    std::array<u32, table_words> multicast_{}, vlan_{};
    std::array<u32, 2 * addresses> addresses_{};
};

} // namespace ring3
