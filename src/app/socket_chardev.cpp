#include "app/socket_chardev.h"

#include "app/streams.h"
#include "app/telnet.h"
#include "host/file_descriptor.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace ring3::app {

namespace {

using host::FileDescriptor;

/// An established connection.
struct Connection {
    Connection(EventLoop& loop, FileDescriptor socket, InputStream::Handler handler, std::function<void()> lost)
        : fd{std::move(socket)},
          out{loop, fd.number(), [lost = std::move(lost)](int) { lost(); }},
          in{loop, fd.number(), std::move(handler)} {}
    FileDescriptor fd;
    OutputQueue out;
    InputStream in;
};

class SocketChardev final : public Chardev, private EventSource {
public:
    SocketChardev(EventLoop& loop, FileDescriptor socket, SocketBackend const& settings)
        : loop_{loop}, settings_{settings}, clean_up_{loop, [this] { connection_.reset(); }} {
        if (settings.server)
            listener_ = std::move(socket);
        else
            connect(std::move(socket));
        loop_.add(*this);
    }
    ~SocketChardev() override {
        loop_.remove(*this);
        if (listener_.is_open() && !settings_.path.empty()) ::unlink(settings_.path.c_str());
    }
    void write(std::string_view bytes) override {
        if (is_alive()) connection_->out.write(settings_.telnet ? Telnet::escaped(bytes) : std::string{bytes});
    }
    bool has_room() const override { return !is_alive() || connection_->out.has_room(); }
    bool drained() const override { return !is_alive() || connection_->out.empty(); }
    bool is_connected() const override { return !settings_.wait || had_client_; }
    bool may_stall() const override { return true; }

private:
    int fd() const override { return listener_.number(); }
    short interest() const override { return connection_ ? short{0} : short{POLLIN}; }
    void ready(short) override {
        FileDescriptor client{::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (client.is_open()) connect(std::move(client));
    }
    void connect(FileDescriptor socket) {
        lost_ = false;
        had_client_ = true;
        connection_.emplace(loop_, std::move(socket),
                            InputStream::Handler{.wanted = [this] { return user_ && user_->wants_input(); },
                                                 .arrived = [this](std::string_view bytes) { arrived(bytes); },
                                                 .ended = [this] { lose(); }},
                            [this] { lose(); });
        if (settings_.telnet) {
            telnet_ = Telnet{};
            connection_->out.write(Telnet::greeting());
        }
        if (user_) user_->connected();
    }
    void arrived(std::string_view bytes) {
        if (!settings_.telnet) return user_->input(bytes);
        if (auto const data = telnet_.data_of(bytes); !data.empty()) user_->input(data);
    }
    /// Called from within the connection's own members, which therefore go a moment later.
    void lose() {
        lost_ = true;
        clean_up_.set(std::chrono::milliseconds{0});
    }
    bool is_alive() const { return connection_ && !lost_; }

    EventLoop& loop_;
    SocketBackend settings_;
    FileDescriptor listener_;
    std::optional<Connection> connection_;
    Alarm clean_up_;
    bool lost_{};
    bool had_client_{};
    Telnet telnet_;
};

/// An address in one of its many forms, ready for bind or connect.
struct Address {
    sockaddr_storage storage{};
    socklen_t length{};
    sockaddr const* get() const {
        void const* const any_family = &storage; // POSIX: a sockaddr_storage is looked at as what it holds
        return static_cast<sockaddr const*>(any_family);
    }
};

Result<std::vector<Address>> unix_address(std::string const& path) {
    sockaddr_un name{};
    if (path.size() >= sizeof name.sun_path)
        return fail(ExitStatus::usage, fmt::format("the socket path '{}' is too long", path));
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    Address address;
    std::memcpy(&address.storage, &name, sizeof name);
    address.length = sizeof name;
    return std::vector{address};
}

Result<std::vector<Address>> tcp_addresses(SocketBackend const& settings) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = settings.server ? AI_PASSIVE : 0;
    addrinfo* found = nullptr;
    char const* const host = settings.host.empty() ? nullptr : settings.host.c_str();
    if (int const error = ::getaddrinfo(host, settings.port.c_str(), &hints, &found); error != 0)
        return fail(ExitStatus::io, fmt::format("cannot find '{}': {}", settings.host, ::gai_strerror(error)));
    std::vector<Address> addresses;
    for (addrinfo const* entry = found; entry; entry = entry->ai_next) {
        Address& address = addresses.emplace_back();
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        address.length = entry->ai_addrlen;
    }
    ::freeaddrinfo(found);
    return addresses;
}

/// Removes what an earlier run left over, but never a file that is no socket.
void remove_stale_socket(char const* path) {
    struct stat status {};
    if (::lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path);
}

/// A socket that listens at, or is connected to, that address; not open if it cannot be, with errno telling why.
FileDescriptor open_at(Address const& address, SocketBackend const& settings) {
    FileDescriptor socket{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket.is_open()) return socket;
    bool good = false;
    if (settings.server) {
        int const one = 1;
        ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (!settings.path.empty()) remove_stale_socket(settings.path.c_str());
        good = ::bind(socket.number(), address.get(), address.length) == 0 && ::listen(socket.number(), 1) == 0;
    } else {
        good = ::connect(socket.number(), address.get(), address.length) == 0;
    }
    if (!good) {
        int const error = errno;
        socket.close();
        errno = error;
    }
    return socket;
}

std::string text_of(SocketBackend const& settings) {
    return settings.path.empty() ? fmt::format("{}:{}", settings.host, settings.port) : settings.path;
}

} // namespace

Result<std::unique_ptr<Chardev>> open_socket(EventLoop& loop, SocketBackend const& settings) {
    auto const addresses = TRY(settings.path.empty() ? tcp_addresses(settings) : unix_address(settings.path));
    for (auto const& address : addresses) {
        FileDescriptor socket = open_at(address, settings);
        if (!socket.is_open()) continue;
        ::fcntl(socket.number(), F_SETFL, O_NONBLOCK);
        return std::make_unique<SocketChardev>(loop, std::move(socket), settings);
    }
    return host::fail_errno(
        ExitStatus::io, fmt::format("cannot {} '{}'", settings.server ? "listen at" : "connect to", text_of(settings)));
}

} // namespace ring3::app
