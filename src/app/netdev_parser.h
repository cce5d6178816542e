// The back ends of networks in QEMU's spelling: what stands behind -netdev, and in -nic and -net.
#pragma once

#include "app/comma_list.h"
#include "app/net_settings.h"

namespace ring3::app {

/// True if a back end has that name: user, tap, socket, stream, switch.
bool is_netdev_kind(std::string_view kind);

/// Takes what belongs to the back end out of the list. `option` is for messages: "-netdev user".
Result<NetBackend> parse_netdev(std::string_view option, std::string_view kind, CommaList& list);

/// "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport".
Result<net::HostForward> parse_host_forward(std::string_view text);
/// "[tcp]:server:port-cmd:command" or "...-unix:path".
Result<net::GuestForward> parse_guest_forward(std::string_view text);
/// "52:54:00:12:34:56", a single station's.
Result<std::array<u8, 6>> parse_mac(std::string_view option, std::string_view text);

} // namespace ring3::app
