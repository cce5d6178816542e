// The network of a VM as a person asked for it: back ends, cards and who is plugged into what. Nothing is opened yet.
#pragma once

#include "app/virtio_settings.h"
#include "base/network.h"
#include "net/addresses.h"
#include "net/switch_port.h"
#include "net/user_settings.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ring3::app {

struct TapSettings {
    std::string interface;
};
struct StreamSettings {
    net::Endpoint endpoint;
    bool server{};
};
struct UdpSettings {
    net::Endpoint peer, local;
};
struct MulticastSettings {
    net::Endpoint group;
    std::string local_address;
};
struct SwitchPortSettings {
    net::SwitchSettings port;
    std::string uplink; // id of the back end that is the switch's way out; empty: none from here
    u16 uplink_vlan{1};
};
using NetBackend =
    std::variant<net::UserSettings, TapSettings, StreamSettings, UdpSettings, MulticastSettings, SwitchPortSettings>;

struct NetdevSettings {
    std::string id;
    NetBackend backend;
};

/// Index in NetSettings::netdevs.
using NetdevIndex = std::size_t;

struct NicSettings {
    NicDescription card; // the ROM's bytes are read when the machine starts
    std::string id;
    std::optional<NetdevIndex> netdev;
    std::string rom_file; // empty: none
    VirtioPlace virtio;   // of that model
    std::optional<u32> boot_index{};
};

/// filter-dump.
struct DumpSettings {
    std::string id;
    NetdevIndex netdev{};
    std::string file;
    u32 longest{65'536};
};

struct NetSettings {
    std::vector<NetdevSettings> netdevs;
    std::vector<NicSettings> nics;
    std::vector<DumpSettings> dumps;
};

} // namespace ring3::app
