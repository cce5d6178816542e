#include "net/stream_link.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ring3::net {

namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t read_at_once = 256 << 10;

/// Removes what an earlier run left over, but never a file that is no socket.
void remove_stale_socket(std::string const& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
}

bool attach(host::FileDescriptor const& socket, SocketAddress const& address, Endpoint const& endpoint,
            Purpose purpose) {
    if (purpose == Purpose::connect) return ::connect(socket.number(), address.get(), address.length) == 0;
    int const one = 1;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!endpoint.path.empty()) remove_stale_socket(endpoint.path);
    return ::bind(socket.number(), address.get(), address.length) == 0 && ::listen(socket.number(), 1) == 0;
}

Result<host::FileDescriptor> open_socket(Endpoint const& endpoint, Purpose purpose) {
    auto const addresses = TRY(resolve(endpoint, SOCK_STREAM, purpose));
    int error = 0;
    for (auto const& address : addresses) {
        host::FileDescriptor socket{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (socket.is_open() && attach(socket, address, endpoint, purpose)) {
            ::fcntl(socket.number(), F_SETFL, O_NONBLOCK);
            return socket;
        }
        error = errno;
    }
    return fail(ExitStatus::io,
                fmt::format("cannot {} '{}': {}", purpose == Purpose::listen ? "listen at" : "connect to",
                            text_of(endpoint), host::errno_text(error)));
}

/// Frames are latency: nothing is held back for more.
void send_at_once(host::FileDescriptor const& socket) {
    int const one = 1;
    ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

} // namespace

StreamLink::StreamLink(host::FileDescriptor listener, host::FileDescriptor peer, Endpoint endpoint, Complain complain)
    : listener_{std::move(listener)},
      peer_{std::move(peer)},
      endpoint_{std::move(endpoint)},
      complain_{std::move(complain)} {}

StreamLink::~StreamLink() {
    if (listener_.is_open() && !endpoint_.path.empty()) ::unlink(endpoint_.path.c_str());
}

Result<std::unique_ptr<StreamLink>> StreamLink::listen(Endpoint const& at, Complain complain) {
    auto listener = TRY(open_socket(at, Purpose::listen));
    return std::unique_ptr<StreamLink>{new StreamLink{std::move(listener), {}, at, std::move(complain)}};
}

Result<std::unique_ptr<StreamLink>> StreamLink::connect_to(Endpoint const& peer, Complain complain) {
    auto socket = TRY(open_socket(peer, Purpose::connect));
    send_at_once(socket);
    return std::unique_ptr<StreamLink>{new StreamLink{{}, std::move(socket), peer, std::move(complain)}};
}

std::string StreamLink::describe() const {
    return fmt::format("socket,{}={}{}", listener_.is_open() ? "listen" : "connect", text_of(endpoint_),
                       peer_.is_open() ? "" : " (nobody is connected)");
}

void StreamLink::put(Frame frame) {
    if (!peer_.is_open()) return;
    std::array<u8, length_bytes> length{};
    put_be32(length, 0, static_cast<u32>(frame.bytes.size()));
    if (out_.size() > 2 * most_waiting) return; // somebody sends although we are not ready()
    bool const idle = out_.empty();
    out_.insert(out_.end(), length.begin(), length.end());
    out_.insert(out_.end(), frame.bytes.begin(), frame.bytes.end());
    if (idle) write_out();
    was_full_ = !ready();
}

void StreamLink::write_out() {
    auto const count = ::send(peer_.number(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count > 0) out_.erase(out_.begin(), out_.begin() + count);
    if (count < 0 && errno != EAGAIN && errno != EINTR) lose(host::errno_text(errno));
}

void StreamLink::read_in() {
    std::size_t const before = in_.size();
    in_.resize(before + read_at_once);
    auto const count = ::recv(peer_.number(), in_.data() + before, read_at_once, 0);
    int const error = errno;
    in_.resize(before + static_cast<std::size_t>(count > 0 ? count : 0));
    if (count == 0) return lose("");
    if (count < 0 && error != EAGAIN && error != EINTR) return lose(host::errno_text(error));
    hand_over();
}

void StreamLink::hand_over() {
    std::size_t at = 0;
    while (in_.size() - at >= length_bytes && station().ready()) {
        std::size_t const length = be32(in_, at);
        if (!is_frame_length(length)) return lose(fmt::format("a frame of {} bytes was announced", length));
        if (in_.size() - at - length_bytes < length) break;
        station().arrive({std::span{in_}.subspan(at + length_bytes, length)});
        at += length_bytes + length;
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(at));
}

/// An empty reason: the peer has closed in good order.
void StreamLink::lose(std::string const& why) {
    peer_.close();
    out_.clear();
    in_.clear();
    if (!why.empty() || !listener_.is_open())
        complain_(
            fmt::format("the connection with '{}' has ended{}{}", text_of(endpoint_), why.empty() ? "" : ": ", why));
}

void StreamLink::prepare(std::vector<pollfd>& entries, int&) {
    if (peer_.is_open()) {
        int const wanted = (station().ready() ? POLLIN : 0) | (out_.empty() ? 0 : POLLOUT);
        if (wanted != 0) entries.push_back({peer_.number(), static_cast<short>(wanted), 0});
    } else if (listener_.is_open()) {
        entries.push_back({listener_.number(), POLLIN, 0});
    }
}

void StreamLink::dispatch(std::span<pollfd const> entries) {
    if (entries.empty() || entries[0].revents == 0) return;
    if (!peer_.is_open()) {
        if (!listener_.is_open() || entries[0].fd != listener_.number()) return;
        peer_ = host::FileDescriptor{::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (peer_.is_open() && endpoint_.path.empty()) send_at_once(peer_);
        return;
    }
    if (entries[0].revents & POLLOUT) write_out();
    if (peer_.is_open() && (entries[0].revents & (POLLIN | POLLHUP | POLLERR))) read_in();
    if (was_full_ && ready()) {
        was_full_ = false;
        station().backend_ready();
    }
}

} // namespace ring3::net
