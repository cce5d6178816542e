#include "monitor/devices/e1000_phy.h"

namespace ring3 {

namespace {
constexpr u16 id_high = 0x0141, id_low = 0x0c20; // Marvell, 88E1011
constexpr u16 all_abilities = 0x7949; // 100BASE-TX, 10BASE-T, extended status, negotiation, extended registers
constexpr u16 negotiation_complete = 1 << 5, link_status = 1 << 2;
constexpr u16 advertise_all = 0x01e1;   // 10 and 100 Mbit/s, half and full, 802.3
constexpr u16 partner_has_all = 0xc1e1; // and it has acknowledged, and there is a next page
constexpr u16 expansion_negotiates = 0x0001;
constexpr u16 gigabit_full = 0x0300, partner_gigabit = 0x3c00;
constexpr u16 gigabit_abilities = 0x3000; // 1000BASE-T, full and half
constexpr u16 speed_1000 = 0x8000, duplex_full = 0x2000, resolved = 0x0800, real_time_link = 0x0400;
} // namespace

void E1000Phy::reset() {
    registers_ = {};
    registers_[control] =
        Control{}.with<Control::SpeedHigh>(1).with<Control::FullDuplex>(1).with<Control::Negotiate>(1).raw;
    registers_[advertisement] = advertise_all;
    registers_[gigabit_control] = gigabit_full;
    registers_[specific_control] = 0x0360;
    registers_[extended_control] = 0x0d60;
}

u16 E1000Phy::read(unsigned number) const {
    switch (number) {
    case status: return static_cast<u16>(all_abilities | (link_ ? negotiation_complete | link_status : 0));
    case identifier_1: return id_high;
    case identifier_2: return id_low;
    case partner_ability: return link_ ? partner_has_all : u16{0};
    case expansion: return link_ ? expansion_negotiates : u16{0};
    case gigabit_status: return link_ ? partner_gigabit : u16{0};
    case extended_status: return gigabit_abilities;
    case specific_status:
        return link_ ? static_cast<u16>(speed_1000 | duplex_full | resolved | real_time_link) : u16{0};
    default: return registers_[number % registers_.size()];
    }
}

void E1000Phy::write(unsigned number, u16 value) {
    switch (number) {
    case control: {
        Control const wanted{{value}};
        if (wanted.has<Control::Reset>()) return reset();
        registers_[control] = wanted.with<Control::RestartNegotiation>(0).raw; // done already
        return;
    }
    case advertisement:
    case gigabit_control:
    case specific_control:
    case interrupt_enable:
    case extended_control: registers_[number] = value; return;
    default: return; // read-only, or nothing
    }
}

} // namespace ring3
