// SwitchCore: a learning Ethernet switch, as a data structure without sockets or clocks.
//
//     port 0 --+                 +-- VLAN 1: {0, 1, 2}
//     port 1 --+-- SwitchCore ---+-- VLAN 7: {2, 3}
//     port 2 --+   (VLAN, address) -> port, last seen
//
// Models: learning and ageing (802.1D 7.8: 300 s), flooding of groups and of who is unknown, the addresses that no bridge
//         passes on (7.12.6); VLANs per port, untagged (`vlan`) and tagged (`trunk`, 802.1Q 6.9, 8.6); a rate limit for what
//         a port sends; counters.
// Missing: spanning tree: who joins two switches twice has a loop.
// Totality: a guest chooses every byte of a frame. The table is bounded as a whole and for each port, so that one guest can
//           neither fill it for the others nor make it grow.
#pragma once

#include "net/frame.h"

#include <bitset>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace ring3::net {

inline constexpr u16 vlan_count = 4096;

struct PortRules {
    u16 vlan{1};                     // where untagged frames belong
    std::bitset<vlan_count> trunk{}; // VLANs whose frames pass with their tag
    u64 bits_per_second{};           // of what the port sends; 0: as fast as it can
    bool uplink{};                   // the way out: only the first such port is used, the others stand by
};

struct PortCounters {
    u64 frames_sent{}, bytes_sent{};         // by the port
    u64 frames_received{}, bytes_received{}; // by the port
    u64 refused{};                           // sent into a VLAN that it is not in, or not even a frame
};

/// Where a port's frames go.
class SwitchOutlet {
public:
    virtual ~SwitchOutlet() = default;
    virtual void deliver(Frame frame) = 0;
};

using PortNumber = u32;

class SwitchCore {
public:
    static constexpr std::size_t most_addresses = 4096, most_addresses_per_port = 256;
    static constexpr u64 second = 1'000'000'000;
    static constexpr u64 forget_after = 300 * second;

    PortNumber add(PortRules const& rules, SwitchOutlet& outlet);
    void remove(PortNumber port);

    /// A frame that the port sends at that time (nanoseconds on any clock that does not go back).
    void forward(PortNumber from, Frame frame, u64 now);
    /// How long the port has to wait before it may send again; 0: now. Whoever reads from it asks this first, so that
    /// nothing need be thrown away.
    u64 delay(PortNumber port, u64 now) const;

    PortCounters const& counters(PortNumber port) const { return ports_.at(port).counters; }
    std::size_t port_count() const { return ports_.size(); }
    std::size_t address_count() const { return table_.size(); }

private:
    struct Port {
        PortRules rules;
        SwitchOutlet* outlet{};
        PortCounters counters;
        u64 busy_until{}; // the wire of that speed is still sending
        std::size_t addresses{};
    };
    struct Entry {
        PortNumber port{};
        u64 seen{};
    };
    using Key = u64; // VLAN and address
    static Key key_of(u16 vlan, MacAddress address);
    /// A frame that was sent while another one was being delivered, as an answer to it.
    struct Answer {
        PortNumber from{};
        std::vector<u8> bytes;
        u16 segment{};
    };
    static constexpr std::size_t most_answers = 1024;

    void forward_now(PortNumber from, Frame frame, u64 now);

    bool is_active(PortNumber number, Port const& port) const { return !port.rules.uplink || uplink_ == number; }
    void charge(Port& port, std::size_t bytes, u64 now);
    void learn(PortNumber from, u16 vlan, MacAddress address, u64 now);
    void forget(Key key);
    void forget_old(u64 now);
    void flood(PortNumber from, u16 vlan, Frame untagged, u64 now);
    void deliver(Port& port, u16 vlan, Frame untagged);
    Frame tagged(u16 vlan, Frame untagged);

    std::map<PortNumber, Port> ports_;
    std::unordered_map<Key, Entry> table_;
    std::optional<PortNumber> uplink_;
    PortNumber next_number_{};
    u64 swept_{};
    std::vector<u8> tagged_; // the last frame that was given a tag
    std::vector<u8> untagged_;
    std::vector<Answer> answers_;
    bool forwarding_{};
};

} // namespace ring3::net
