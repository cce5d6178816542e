#include "net/addresses.h"

#include <cstring>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/un.h>

namespace ring3::net {

Result<SocketAddress> unix_address(std::string const& path) {
    sockaddr_un name{};
    if (path.size() >= sizeof name.sun_path)
        return fail(ExitStatus::usage, fmt::format("the socket path '{}' is too long", path));
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    SocketAddress address;
    std::memcpy(&address.storage, &name, sizeof name);
    address.length = sizeof name;
    return address;
}

Result<std::vector<SocketAddress>> resolve(Endpoint const& endpoint, int type, Purpose purpose) {
    if (!endpoint.path.empty()) return std::vector{TRY(unix_address(endpoint.path))};
    addrinfo hints{};
    hints.ai_family = type == SOCK_DGRAM ? AF_INET : AF_UNSPEC; // multicast groups are IPv4's here, as QEMU's are
    hints.ai_socktype = type;
    hints.ai_flags = purpose == Purpose::listen ? AI_PASSIVE : 0;
    addrinfo* found = nullptr;
    char const* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
    if (int const error = ::getaddrinfo(host, endpoint.port.c_str(), &hints, &found); error != 0)
        return fail(ExitStatus::io, fmt::format("cannot find '{}': {}", text_of(endpoint), ::gai_strerror(error)));
    std::vector<SocketAddress> addresses;
    for (addrinfo const* entry = found; entry; entry = entry->ai_next) {
        SocketAddress& address = addresses.emplace_back();
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        address.length = entry->ai_addrlen;
    }
    ::freeaddrinfo(found);
    return addresses;
}

std::string text_of(Endpoint const& endpoint) {
    return endpoint.path.empty() ? fmt::format("{}:{}", endpoint.host, endpoint.port) : endpoint.path;
}

} // namespace ring3::net
