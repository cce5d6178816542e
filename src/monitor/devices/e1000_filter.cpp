#include "monitor/devices/e1000_filter.h"

#include "base/internet_checksum.h"

#include <algorithm>

namespace ring3 {

namespace {
constexpr u16 type_vlan = 0x8100;
constexpr u32 address_valid = u32{1} << 31;
} // namespace

void E1000Filter::set_address(unsigned i, u32 value) {
    constexpr u32 high_writable = 0x8003'ffff; // address, select, valid
    addresses_[i % addresses_.size()] = i % 2 == 0 ? value : value & high_writable;
}

bool E1000Filter::passes(std::span<u8 const> frame, E1000ReceiveControl control) const {
    using Control = E1000ReceiveControl;
    if (control.has<Control::VlanFilter>() && be16(frame, 12) == type_vlan && frame.size() >= 18) {
        unsigned const id = be16(frame, 14) & 0xfff;
        if (!(vlan_[id / 32] >> id % 32 & 1)) return false;
    }
    bool const group = (frame[0] & 1) != 0;
    if (group ? control.has<Control::MulticastPromiscuous>() : control.has<Control::UnicastPromiscuous>()) return true;
    bool const broadcast = std::ranges::all_of(frame.first(6), [](u8 byte) { return byte == 0xff; });
    if (broadcast && control.has<Control::Broadcast>()) return true;
    return is_own(frame) || (group && is_in_table(frame, control));
}

bool E1000Filter::is_own(std::span<u8 const> frame) const {
    u32 const low = u32{frame[0]} | u32{frame[1]} << 8 | u32{frame[2]} << 16 | u32{frame[3]} << 24;
    u32 const high = u32{frame[4]} | u32{frame[5]} << 8;
    for (unsigned i = 0; i < addresses_.size(); i += 2)
        if (addresses_[i] == low && (addresses_[i + 1] & 0xffff) == high && (addresses_[i + 1] & address_valid))
            return true;
    return false;
}

/// Twelve bits of the address's last two bytes choose a bit of the table; RCTL says which twelve (13.5.1).
bool E1000Filter::is_in_table(std::span<u8 const> frame, E1000ReceiveControl control) const {
    constexpr u8 shifts[] = {4, 3, 2, 0};
    unsigned const bits =
        (frame[5] << 8 | frame[4]) >> shifts[control.get<E1000ReceiveControl::MulticastOffset>()] & 0xfff;
    return (multicast_[bits >> 5] >> (bits & 31) & 1) != 0;
}

} // namespace ring3
