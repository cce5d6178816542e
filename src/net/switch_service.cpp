#include "net/switch_service.h"

#include "host/time.h"
#include "net/addresses.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ring3::net {

namespace {

constexpr std::size_t most_waiting = 1 << 20; // bytes for one client who does not read
constexpr int most_at_once = 64;

std::string environment(char const* name) {
    char const* const value = std::getenv(name);
    return value ? value : "";
}

/// Ours and nobody else's: a folder in a shared /tmp could have been made by anybody.
bool is_private_folder(std::string const& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() &&
           (status.st_mode & 077) == 0;
}

/// A server that ends takes its lock's file away, and somebody may have opened that just before.
bool is_the_file_at(int fd, std::string const& path) {
    struct stat open {
    }, there{};
    return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &there) == 0 && open.st_dev == there.st_dev &&
           open.st_ino == there.st_ino;
}

bool is_same_user(int socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == ::geteuid();
}

} // namespace

Result<std::string> switch_folder() {
    auto const runtime = environment("XDG_RUNTIME_DIR"), temporary = environment("TMPDIR");
    std::string const folder = !runtime.empty()
                                   ? runtime + "/ring3"
                                   : fmt::format("{}/ring3-{}", temporary.empty() ? "/tmp" : temporary, ::geteuid());
    ::mkdir(folder.c_str(), 0700);
    if (is_private_folder(folder)) return folder;
    return fail(ExitStatus::io, fmt::format("'{}' is no folder that belongs to this user alone (mode 0700): set "
                                            "XDG_RUNTIME_DIR to one",
                                            folder));
}

Result<std::string> switch_path(std::string const& folder, std::string_view name) {
    auto const is_plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (name.empty() || name.size() > 32 || !std::ranges::all_of(name, is_plain))
        return fail(ExitStatus::usage,
                    fmt::format("the switch's name '{}' is not made of 1 to 32 letters, digits, - and _", name));
    return fmt::format("{}/switch-{}", folder, name);
}

SwitchService::SwitchService(std::string path, host::FileDescriptor lock, host::FileDescriptor listener)
    : path_{std::move(path)},
      lock_{std::move(lock)},
      listener_{std::move(listener)},
      buffer_(switch_wire::most_message) {}

SwitchService::~SwitchService() {
    ::unlink((path_ + ".socket").c_str()); // before the lock goes: the next one makes its own
    ::unlink((path_ + ".lock").c_str());   // who has opened it meanwhile sees that it is no longer there
}

Result<std::unique_ptr<SwitchService>> SwitchService::try_to_serve(std::string const& path) {
    std::string const lock_path = path + ".lock", socket_path = path + ".socket";
    host::FileDescriptor lock{::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!lock.is_open()) return host::fail_errno(ExitStatus::io, fmt::format("cannot open '{}'", lock_path));
    if (::flock(lock.number(), LOCK_EX | LOCK_NB) < 0) return std::unique_ptr<SwitchService>{};
    if (!is_the_file_at(lock.number(), lock_path)) return std::unique_ptr<SwitchService>{};
    ::unlink(socket_path.c_str()); // of one who was killed
    auto const address = TRY(unix_address(socket_path));
    host::FileDescriptor listener{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!listener.is_open() || ::bind(listener.number(), address.get(), address.length) < 0 ||
        ::listen(listener.number(), 64) < 0)
        return host::fail_errno(ExitStatus::io, fmt::format("cannot serve the switch at '{}'", socket_path));
    return std::unique_ptr<SwitchService>{new SwitchService{path, std::move(lock), std::move(listener)}};
}

// ---- clients

void SwitchService::Client::deliver(Frame frame) {
    if (gone || waiting_bytes > most_waiting) return;
    auto const header = switch_wire::header_of(switch_wire::Kind::frame, frame.segment);
    std::vector<u8> packet(header.begin(), header.end());
    packet.insert(packet.end(), frame.bytes.begin(), frame.bytes.end());
    waiting_bytes += packet.size();
    waiting.push_back(std::move(packet));
    if (waiting.size() == 1) write_out();
}

void SwitchService::Client::write_out() {
    std::size_t sent = 0;
    for (; sent < waiting.size() && !gone; ++sent) {
        auto const& packet = waiting[sent];
        if (::send(socket.number(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            gone = errno != EAGAIN && errno != EINTR && errno != ENOBUFS;
            break;
        }
        waiting_bytes -= packet.size();
    }
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(sent));
}

void SwitchService::accept_client() {
    host::FileDescriptor socket{::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket.is_open() && clients_.size() < most_clients && is_same_user(socket.number()))
        clients_.push_back(std::make_unique<Client>(std::move(socket)));
}

u64 SwitchService::delay(Client const& client) const {
    return client.port ? core_.delay(*client.port, host::monotonic_nanoseconds()) : 0;
}

void SwitchService::obey(Client& client, std::span<u8 const> packet) {
    auto const message = switch_wire::parse(packet);
    bool const joins = message && message->kind == switch_wire::Kind::join;
    if (!message || joins == client.port.has_value()) { // rules come once and first
        client.gone = true;
        return;
    }
    if (!joins) return core_.forward(*client.port, message->frame, host::monotonic_nanoseconds());
    auto const rules = switch_wire::rules_from_bytes(message->frame.bytes);
    if (!rules)
        client.gone = true;
    else
        client.port = core_.add(*rules, client);
}

void SwitchService::serve(Client& client, short events) {
    if (events & POLLOUT) client.write_out();
    if (!(events & (POLLIN | POLLHUP | POLLERR))) return;
    for (int i = 0; i < most_at_once && !client.gone && delay(client) == 0; ++i) {
        auto const count = ::recv(client.socket.number(), buffer_.data(), buffer_.size(), MSG_TRUNC);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0 || static_cast<std::size_t>(count) > buffer_.size())
            client.gone = true;
        else
            obey(client, std::span{buffer_}.first(static_cast<std::size_t>(count)));
    }
}

void SwitchService::sweep() {
    std::erase_if(clients_, [this](auto const& client) {
        if (client->gone && client->port) core_.remove(*client->port);
        return client->gone;
    });
}

void SwitchService::prepare(std::vector<pollfd>& entries, int& timeout) {
    entries.push_back({listener_.number(), POLLIN, 0});
    for (auto const& client : clients_) {
        u64 const wait = delay(*client);
        if (wait != 0) shorten(timeout, static_cast<int>(wait / 1'000'000 + 1)); // more than its share: not read now
        short const in = wait == 0 ? POLLIN : short{0}, out = client->waiting.empty() ? short{0} : POLLOUT;
        // Not interested in either, a closed connection would still be reported each time: a negative number is not.
        entries.push_back({in || out ? client->socket.number() : -1, static_cast<short>(in | out), 0});
    }
}

void SwitchService::dispatch(std::span<pollfd const> entries) {
    // The clients are those of prepare(): only this function adds and removes some.
    for (std::size_t i = 0; i < clients_.size() && i + 1 < entries.size(); ++i)
        if (entries[i + 1].revents != 0) serve(*clients_[i], entries[i + 1].revents);
    sweep();
    if (!entries.empty() && entries[0].revents != 0) accept_client();
}

} // namespace ring3::net
