#include "net/switch_core.h"

#include <algorithm>

namespace ring3::net {

namespace {

constexpr u16 type_vlan = 0x8100;
constexpr std::size_t addresses_bytes = 12;
constexpr u16 vlan_id_mask = 0x0fff;
constexpr u64 bits_per_byte = 8;

/// 01-80-C2-00-00-00 to -0F: for the next bridge only (802.1D table 7-10).
bool stays_on_the_link(MacAddress address) {
    constexpr std::array<u8, 5> prefix{0x01, 0x80, 0xc2, 0x00, 0x00};
    return std::ranges::equal(std::span{address.bytes}.first(prefix.size()), prefix) && address.bytes[5] < 0x10;
}

/// The VLAN that a frame's tag names; nothing if it has none, 0 if the tag carries a priority only.
std::optional<u16> tag_of(std::span<u8 const> frame) {
    if (frame.size() < frame_header + vlan_tag || be16(frame, addresses_bytes) != type_vlan) return {};
    return static_cast<u16>(be16(frame, addresses_bytes + 2) & vlan_id_mask);
}

} // namespace

SwitchCore::Key SwitchCore::key_of(u16 vlan, MacAddress address) {
    Key key = vlan;
    for (u8 const byte : address.bytes) key = key << 8 | byte;
    return key;
}

PortNumber SwitchCore::add(PortRules const& rules, SwitchOutlet& outlet) {
    PortNumber const number = next_number_++;
    Port& port = ports_[number];
    port.rules = rules;
    port.outlet = &outlet;
    if (rules.uplink && !uplink_) uplink_ = number;
    return number;
}

void SwitchCore::remove(PortNumber port) {
    if (ports_.erase(port) == 0) return;
    std::erase_if(table_, [port](auto const& entry) { return entry.second.port == port; });
    if (uplink_ != port) return;
    uplink_.reset();
    for (auto const& [number, other] : ports_)
        if (other.rules.uplink && !uplink_) uplink_ = number;
}

void SwitchCore::charge(Port& port, std::size_t bytes, u64 now) {
    if (port.rules.bits_per_second == 0) return;
    // What was not used in the last 10 ms may be made up for, since nobody sends on the nanosecond.
    constexpr u64 made_up = second / 100;
    u64 const start = std::max(port.busy_until, now > made_up ? now - made_up : 0);
    port.busy_until = start + bytes * bits_per_byte * second / port.rules.bits_per_second;
}

u64 SwitchCore::delay(PortNumber port, u64 now) const {
    auto const found = ports_.find(port);
    return found == ports_.end() || found->second.busy_until <= now ? 0 : found->second.busy_until - now;
}

void SwitchCore::forget(Key key) {
    auto const found = table_.find(key);
    if (found == table_.end()) return;
    if (auto const port = ports_.find(found->second.port); port != ports_.end()) --port->second.addresses;
    table_.erase(found);
}

void SwitchCore::forget_old(u64 now) {
    if (now - swept_ < second) return; // a full table must not cost a sweep for each frame
    swept_ = now;
    std::vector<Key> old;
    for (auto const& [key, entry] : table_)
        if (now - entry.seen >= forget_after) old.push_back(key);
    for (Key const key : old) forget(key);
}

void SwitchCore::learn(PortNumber from, u16 vlan, MacAddress address, u64 now) {
    if (address.is_group()) return;
    Key const key = key_of(vlan, address);
    auto found = table_.find(key);
    if (found != table_.end() && found->second.port != from) { // it has moved
        forget(key);
        found = table_.end();
    }
    if (found != table_.end()) {
        found->second.seen = now;
        return;
    }
    Port& port = ports_.at(from);
    auto const full = [&] { return table_.size() >= most_addresses || port.addresses >= most_addresses_per_port; };
    if (full()) forget_old(now);
    if (full()) return; // then its frames are flooded
    table_[key] = {from, now};
    ++port.addresses;
}

void SwitchCore::forward(PortNumber from, Frame frame, u64 now) {
    if (forwarding_) {
        if (answers_.size() < most_answers)
            answers_.push_back({from, {frame.bytes.begin(), frame.bytes.end()}, frame.segment});
        return;
    }
    forwarding_ = true;
    forward_now(from, frame, now);
    for (std::size_t i = 0; i < answers_.size(); ++i) {
        auto const answer = std::move(answers_[i]); // another answer may move the list
        forward_now(answer.from, {answer.bytes, answer.segment}, now);
    }
    answers_.clear();
    forwarding_ = false;
}

void SwitchCore::forward_now(PortNumber from, Frame frame, u64 now) {
    auto const sender = ports_.find(from);
    if (sender == ports_.end()) return;
    Port& port = sender->second;
    if (!is_frame_length(frame.bytes.size())) {
        ++port.counters.refused;
        return;
    }
    charge(port, frame.bytes.size(), now);
    if (!is_active(from, port)) return;
    auto const tag = tag_of(frame.bytes);
    bool const is_tagged = tag && *tag != 0;
    u16 const vlan = is_tagged ? *tag : port.rules.vlan;
    if (is_tagged && !port.rules.trunk[vlan]) {
        ++port.counters.refused;
        return;
    }
    ++port.counters.frames_sent;
    port.counters.bytes_sent += frame.bytes.size();
    if (stays_on_the_link(destination_of(frame.bytes))) return;
    if (tag) { // within the switch, frames have no tag
        untagged_.assign(frame.bytes.begin(), frame.bytes.begin() + addresses_bytes);
        untagged_.insert(untagged_.end(), frame.bytes.begin() + addresses_bytes + vlan_tag, frame.bytes.end());
        frame.bytes = untagged_;
    }
    learn(from, vlan, source_of(frame.bytes), now);
    flood(from, vlan, frame, now);
}

/// To everybody in the VLAN, or to the one who is known to have the address.
void SwitchCore::flood(PortNumber from, u16 vlan, Frame untagged, u64 now) {
    auto const destination = destination_of(untagged.bytes);
    auto const known = destination.is_group() ? table_.end() : table_.find(key_of(vlan, destination));
    tagged_.clear();
    if (known != table_.end() && now - known->second.seen < forget_after) {
        if (known->second.port != from) deliver(ports_.at(known->second.port), vlan, untagged);
        return;
    }
    for (auto& [number, port] : ports_)
        if (number != from && is_active(number, port)) deliver(port, vlan, untagged);
}

void SwitchCore::deliver(Port& port, u16 vlan, Frame untagged) {
    bool const with_tag = port.rules.vlan != vlan;
    if (with_tag && !port.rules.trunk[vlan]) return;
    Frame const frame = with_tag ? tagged(vlan, untagged) : untagged;
    if (!is_frame_length(frame.bytes.size())) return;
    ++port.counters.frames_received;
    port.counters.bytes_received += frame.bytes.size();
    port.outlet->deliver(frame);
}

Frame SwitchCore::tagged(u16 vlan, Frame untagged) {
    if (tagged_.empty()) {
        std::array<u8, vlan_tag> tag{};
        put_be16(tag, 0, type_vlan);
        put_be16(tag, 2, vlan);
        tagged_.assign(untagged.bytes.begin(), untagged.bytes.begin() + addresses_bytes);
        tagged_.insert(tagged_.end(), tag.begin(), tag.end());
        tagged_.insert(tagged_.end(), untagged.bytes.begin() + addresses_bytes, untagged.bytes.end());
    }
    return {tagged_, untagged.segment};
}

} // namespace ring3::net
