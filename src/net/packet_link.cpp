#include "net/packet_link.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ring3::net {

namespace {

host::FileDescriptor udp_socket() {
    return host::FileDescriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
}

Result<void> bind_shared(host::FileDescriptor const& socket, SocketAddress const& address, Endpoint const& what) {
    int const one = 1;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (::bind(socket.number(), address.get(), address.length) == 0) return {};
    return host::fail_errno(ExitStatus::io, fmt::format("cannot listen at '{}'", text_of(what)));
}

in_addr ipv4_of(SocketAddress const& address) {
    sockaddr_in name{};
    std::memcpy(&name, &address.storage, std::min<std::size_t>(address.length, sizeof name));
    return name.sin_addr;
}

Result<void> join_group(host::FileDescriptor const& socket, in_addr group, std::string const& local_address) {
    ip_mreq request{group, {INADDR_ANY}};
    if (!local_address.empty() && ::inet_pton(AF_INET, local_address.c_str(), &request.imr_interface) != 1)
        return fail(ExitStatus::usage, fmt::format("localaddr={} is no IPv4 address", local_address));
    u8 const loop = 1; // other machines on this host are in the group too
    bool const good =
        ::setsockopt(socket.number(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0 &&
        ::setsockopt(socket.number(), IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof loop) == 0 &&
        (local_address.empty() || ::setsockopt(socket.number(), IPPROTO_IP, IP_MULTICAST_IF, &request.imr_interface,
                                               sizeof request.imr_interface) == 0);
    if (!good) return host::fail_errno(ExitStatus::io, "cannot join the multicast group");
    return {};
}

} // namespace

PacketLink::PacketLink(host::FileDescriptor fd, std::optional<SocketAddress> destination, std::string description,
                       Complain complain)
    : fd_{std::move(fd)},
      destination_{destination},
      description_{std::move(description)},
      complain_{std::move(complain)},
      buffer_(most_frame) {}

Result<std::unique_ptr<PacketLink>> PacketLink::open_tap(std::string const& name, Complain complain) {
    ifreq request{};
    if (name.size() >= sizeof request.ifr_name)
        return fail(ExitStatus::usage, fmt::format("the interface name '{}' is longer than Linux allows", name));
    host::FileDescriptor fd{::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    if (!fd.is_open())
        return host::fail_errno(ExitStatus::host_lacks,
                                "cannot open /dev/net/tun for a tap interface (-netdev user needs no rights)");
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(fd.number(), TUNSETIFF, &request) < 0)
        return host::fail_errno(ExitStatus::host_lacks,
                                fmt::format("cannot use the tap interface '{}' (root makes one for you by: ip tuntap "
                                            "add dev NAME mode tap user YOU)",
                                            name));
    std::string const got{request.ifr_name, ::strnlen(request.ifr_name, sizeof request.ifr_name)};
    return std::unique_ptr<PacketLink>{
        new PacketLink{std::move(fd), {}, fmt::format("tap,ifname={}", got), std::move(complain)}};
}

Result<std::unique_ptr<PacketLink>> PacketLink::join(Endpoint const& group, std::string const& local_address,
                                                     Complain complain) {
    auto const address = TRY(resolve(group, SOCK_DGRAM, Purpose::connect)).front();
    if (!IN_MULTICAST(ntohl(ipv4_of(address).s_addr)))
        return fail(ExitStatus::usage,
                    fmt::format("'{}' is no multicast group (224.0.0.0 to 239.255.255.255)", text_of(group)));
    auto socket = udp_socket();
    if (!socket.is_open()) return host::fail_errno(ExitStatus::io, "cannot make a socket");
    TRY_VOID(bind_shared(socket, address, group));
    TRY_VOID(join_group(socket, ipv4_of(address), local_address));
    return std::unique_ptr<PacketLink>{new PacketLink{
        std::move(socket), address, fmt::format("socket,mcast={}", text_of(group)), std::move(complain)}};
}

Result<std::unique_ptr<PacketLink>> PacketLink::open_udp(Endpoint const& peer, Endpoint const& local,
                                                         Complain complain) {
    auto const destination = TRY(resolve(peer, SOCK_DGRAM, Purpose::connect)).front();
    auto const own = TRY(resolve(local, SOCK_DGRAM, Purpose::listen)).front();
    auto socket = udp_socket();
    if (!socket.is_open()) return host::fail_errno(ExitStatus::io, "cannot make a socket");
    TRY_VOID(bind_shared(socket, own, local));
    return std::unique_ptr<PacketLink>{new PacketLink{
        std::move(socket), destination, fmt::format("socket,udp={}", text_of(peer)), std::move(complain)}};
}

void PacketLink::put(Frame frame) {
    auto const bytes = frame.bytes;
    auto const sent = destination_ ? ::sendto(fd_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
                                              destination_->get(), destination_->length)
                                   : ::write(fd_.number(), bytes.data(), bytes.size());
    // What does not fit is lost, as in any network. A peer that is not there yet (ECONNREFUSED) may come.
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED && errno != EINTR)
        fail_once("cannot send a frame", errno);
}

void PacketLink::fail_once(char const* what, int error) {
    if (std::exchange(complained_, true)) return;
    complain_(fmt::format("{}: {}: {}", description_, what, host::errno_text(error)));
}

void PacketLink::prepare(std::vector<pollfd>& entries, int&) {
    if (fd_.is_open() && station().ready()) entries.push_back({fd_.number(), POLLIN, 0});
}

void PacketLink::dispatch(std::span<pollfd const> entries) {
    if (entries.empty() || entries[0].revents == 0) return;
    constexpr int most_at_once = 64; // others want their turn
    for (int i = 0; i < most_at_once && station().ready(); ++i) {
        auto const count = ::read(fd_.number(), buffer_.data(), buffer_.size());
        if (count < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED)) return;
        if (count < 0) {
            fail_once("no more frames", errno);
            return fd_.close();
        }
        auto const bytes = std::span{buffer_}.first(static_cast<std::size_t>(count));
        if (is_frame_length(bytes.size())) station().arrive({bytes});
    }
}

} // namespace ring3::net
