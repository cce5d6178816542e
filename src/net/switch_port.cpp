#include "net/switch_port.h"

#include "host/time.h"
#include "net/addresses.h"
#include "net/segmentation.h"

#include <cerrno>
#include <fmt/format.h>
#include <sys/socket.h>

namespace ring3::net {

namespace {
constexpr int look_again_milliseconds = 20; // for a server, after the last one has gone
constexpr int most_at_once = 64;
constexpr int socket_buffer = 1 << 20; // the host grants what it allows (net.core.wmem_max)
} // namespace

SwitchPort::SwitchPort(SwitchSettings settings, std::string path, Complain complain)
    : settings_{std::move(settings)},
      path_{std::move(path)},
      complain_{std::move(complain)},
      buffer_(switch_wire::most_message) {}

SwitchPort::~SwitchPort() = default;

Result<std::unique_ptr<SwitchPort>> SwitchPort::open(SwitchSettings settings, Complain complain,
                                                     std::string const& folder) {
    std::string const where = folder.empty() ? TRY(switch_folder()) : folder;
    auto path = TRY(switch_path(where, settings.name));
    std::unique_ptr<SwitchPort> port{new SwitchPort{std::move(settings), std::move(path), std::move(complain)}};
    TRY_VOID(port->meet());
    return port;
}

/// Connects or serves. If neither succeeds just now, somebody else is about to serve: later.
Result<void> SwitchPort::meet() {
    if (try_to_connect()) return {};
    service_ = TRY(SwitchService::try_to_serve(path_));
    if (service_) own_port_ = service_->core().add(settings_.rules, *this);
    return {};
}

bool SwitchPort::try_to_connect() {
    auto const address = unix_address(path_ + ".socket");
    host::FileDescriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!address || !socket.is_open() || ::connect(socket.number(), address->get(), address->length) < 0) return false;
    ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
    auto const header = switch_wire::header_of(switch_wire::Kind::join, 0);
    std::vector<u8> packet(header.begin(), header.end());
    auto const rules = switch_wire::rules_to_bytes(settings_.rules);
    packet.insert(packet.end(), rules.begin(), rules.end());
    if (::send(socket.number(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) return false;
    socket_ = std::move(socket);
    waiting_.clear();
    return true;
}

bool SwitchPort::is_rate_limited() const {
    return service_ && service_->core().delay(own_port_, host::monotonic_nanoseconds()) != 0;
}

bool SwitchPort::ready() const {
    return waiting_.empty() && !is_rate_limited();
}

void SwitchPort::put(Frame frame) {
    if (service_) return service_->core().forward(own_port_, frame, host::monotonic_nanoseconds());
    if (!socket_.is_open() || !waiting_.empty()) return;
    auto const header = switch_wire::header_of(switch_wire::Kind::frame, frame.segment);
    waiting_.assign(header.begin(), header.end());
    waiting_.insert(waiting_.end(), frame.bytes.begin(), frame.bytes.end());
    write_out();
}

void SwitchPort::write_out() {
    bool const sent = ::send(socket_.number(), waiting_.data(), waiting_.size(), MSG_NOSIGNAL) >= 0;
    if (!sent && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)) return;
    waiting_.clear();
    if (!sent) socket_.close();
}

void SwitchPort::deliver(Frame frame) {
    if (frame.segment == 0) return station().arrive(frame);
    cut_segment(frame, [this](std::span<u8 const> piece) { station().arrive({piece}); });
}

void SwitchPort::receive() {
    for (int i = 0; i < most_at_once && station().ready(); ++i) {
        auto const count = ::recv(socket_.number(), buffer_.data(), buffer_.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return socket_.close();
        auto const message = switch_wire::parse(std::span{buffer_}.first(static_cast<std::size_t>(count)));
        if (message && message->kind == switch_wire::Kind::frame) deliver(message->frame);
    }
}

void SwitchPort::prepare(std::vector<pollfd>& entries, int& timeout) {
    if (service_) {
        service_->prepare(entries, timeout);
        if (is_rate_limited()) shorten(timeout, 1);
        return;
    }
    if (!socket_.is_open()) return shorten(timeout, look_again_milliseconds);
    int const wanted = (station().ready() ? POLLIN : 0) | (waiting_.empty() ? 0 : POLLOUT);
    if (wanted != 0) entries.push_back({socket_.number(), static_cast<short>(wanted), 0});
}

void SwitchPort::dispatch(std::span<pollfd const> entries) {
    if (service_) {
        service_->dispatch(entries);
        if (!is_rate_limited()) station().backend_ready();
        return;
    }
    if (!socket_.is_open()) {
        if (auto const met = meet(); !met) complain_(met.error().message);
        return;
    }
    if (entries.empty() || entries[0].fd != socket_.number()) return;
    if (entries[0].revents & (POLLIN | POLLHUP | POLLERR)) receive();
    if (!socket_.is_open() || !(entries[0].revents & POLLOUT)) return;
    write_out();
    if (waiting_.empty()) station().backend_ready();
}

std::string SwitchPort::describe() const {
    std::string text = fmt::format("switch,name={}", settings_.name);
    if (settings_.rules.vlan != 1) text += fmt::format(",vlan={}", settings_.rules.vlan);
    if (!service_) return text + (socket_.is_open() ? "" : " (looking for its server)");
    auto const& counters = service_->core().counters(own_port_);
    return text + fmt::format(" (served here: {} ports, {} addresses; sent {} frames, {} bytes; received {}, {}; "
                              "refused {})",
                              service_->core().port_count(), service_->core().address_count(), counters.frames_sent,
                              counters.bytes_sent, counters.frames_received, counters.bytes_received, counters.refused);
}

} // namespace ring3::net
