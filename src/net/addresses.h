// Socket addresses as people write them.
#pragma once

#include "base/result.h"

#include <string>
#include <sys/socket.h>
#include <vector>

namespace ring3::net {

/// A unix socket's path, or a host and a port.
struct Endpoint {
    std::string path{};
    std::string host{}; // empty: every address here (to listen), this machine (to connect)
    std::string port{};
};

/// An address in one of its many forms, ready for bind or connect.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length{};
    sockaddr const* get() const {
        void const* const any_family = &storage; // POSIX: a sockaddr_storage is looked at as what it holds
        return static_cast<sockaddr const*>(any_family);
    }
};

enum class Purpose : u8 { listen, connect };

/// What the endpoint may mean, best first. `type` is SOCK_STREAM or SOCK_DGRAM.
Result<std::vector<SocketAddress>> resolve(Endpoint const& endpoint, int type, Purpose purpose);
Result<SocketAddress> unix_address(std::string const& path);

std::string text_of(Endpoint const& endpoint);

} // namespace ring3::net
