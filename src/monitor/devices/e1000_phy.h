// The transceiver inside an 82540EM, an 88E1011S: gigabit, full duplex, and its link is up while the cable is plugged in.
//
// Models: the registers that drivers read to find the link, negotiation that is over at once, reset, loopback.
// Missing: forced slower speeds change what the registers say about themselves only; the wire always is gigabit.
// Source: 317453 13.4.5 (MDIC) and table 13-13ff.; IEEE 802.3 22.2.4.
#pragma once

#include "base/reg.h"

#include <array>

namespace ring3 {

class E1000Phy {
public:
    static constexpr unsigned address = 1;
    E1000Phy() { reset(); }
    void reset();
    u16 read(unsigned number) const;
    void write(unsigned number, u16 value);

    void set_link(bool up) { link_ = up; }
    bool link() const { return link_; }
    /// What is sent comes back.
    bool loopback() const { return Control{{registers_[control]}}.has<Control::Loopback>(); }

    void visit(auto&& archive) {
        archive("e1000.phy", registers_);
        archive("e1000.phy.link", link_);
    }

private:
    enum Number : u8 { // 802.3 table 22-6; 16 and up: 317453
        control = 0,
        status = 1,
        identifier_1 = 2,
        identifier_2 = 3,
        advertisement = 4,
        partner_ability = 5,
        expansion = 6,
        gigabit_control = 9,
        gigabit_status = 10,
        extended_status = 15,
        specific_control = 16,
        specific_status = 17,
        interrupt_enable = 18,
        extended_control = 20
    };
    struct Control : Reg<Control, u16> {
        using SpeedHigh = Field<6>;
        using FullDuplex = Field<8>;
        using RestartNegotiation = Field<9>;
        using Negotiate = Field<12>;
        using Loopback = Field<14>;
        using Reset = Field<15>;
    };
    std::array<u16, 32> registers_{};
    bool link_{true};
};

} // namespace ring3
