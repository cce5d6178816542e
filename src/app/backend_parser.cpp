#include "app/backend_parser.h"

#include "app/comma_list.h"

#include <fmt/format.h>

namespace ring3::app {

namespace {

Result<u16> check_port(std::string_view text) {
    auto const port = parse_number(text, 65535);
    if (!port) return fail(ExitStatus::usage, fmt::format("'{}' is not a TCP port", text));
    return static_cast<u16>(*port);
}

/// server[=on|off], wait[=on|off], nowait, nodelay: what both forms have in common.
Result<void> take_socket_switches(CommaList& list, SocketBackend& socket) {
    socket.server = TRY(list.take_switch("server")).value_or(false);
    socket.wait = TRY(list.take_switch("wait")).value_or(socket.server);
    // Frames are sent as they come in any case, so asking for it changes nothing.
    TRY(list.take_switch("nodelay"));
    if (!socket.server && socket.wait) return fail(ExitStatus::usage, "'wait' is for a socket with 'server'");
    return {};
}

Result<SocketBackend> parse_unix(std::string_view option, std::string_view text) {
    CommaList list{text, "path"};
    SocketBackend socket;
    socket.path = list.take("path").value_or("");
    if (socket.path.empty()) return fail(ExitStatus::usage, fmt::format("option '{}' needs unix:PATH", option));
    TRY_VOID(take_socket_switches(list, socket));
    TRY_VOID(list.finish(option));
    return socket;
}

Result<SocketBackend> parse_tcp(std::string_view option, std::string_view text) {
    CommaList list{text, "address"};
    std::string const address = list.take("address").value_or("");
    auto const colon = address.rfind(':');
    if (colon == std::string::npos)
        return fail(ExitStatus::usage, fmt::format("option '{}' needs tcp:HOST:PORT", option));
    SocketBackend socket;
    socket.host = address.substr(0, colon);
    socket.port = address.substr(colon + 1);
    if (socket.host.size() > 2 && socket.host.front() == '[' && socket.host.back() == ']')
        socket.host = socket.host.substr(1, socket.host.size() - 2); // IPv6
    TRY(check_port(socket.port));
    TRY_VOID(take_socket_switches(list, socket));
    TRY_VOID(list.finish(option));
    return socket;
}

Result<Backend> parse_chardev_socket(CommaList& list) {
    SocketBackend socket;
    socket.path = list.take("path").value_or("");
    socket.host = list.take("host").value_or("");
    socket.port = list.take("port").value_or("");
    if (socket.path.empty() == socket.port.empty())
        return fail(ExitStatus::usage, "option '-chardev': a socket needs either path=PATH or host=HOST,port=PORT");
    if (!socket.port.empty()) TRY(check_port(socket.port));
    socket.telnet = TRY(list.take_switch("telnet")).value_or(false);
    TRY_VOID(take_socket_switches(list, socket));
    return socket;
}

Result<Backend> parse_chardev_backend(std::string const& kind, CommaList& list) {
    if (kind == "null") return NullBackend{};
    if (kind == "vc") { // a console in a window that is not there; of what size, does not matter
        for (auto const* key : {"width", "height", "cols", "rows"}) list.take(key);
        return NullBackend{};
    }
    if (kind == "pty") return PtyBackend{};
    if (kind == "socket") return parse_chardev_socket(list);
    if (kind == "stdio") {
        bool const signals = TRY(list.take_switch("signal")).value_or(true);
        return StdioBackend{signals ? TerminalSignals::end_ring3 : TerminalSignals::to_guest};
    }
    if (kind == "file") {
        FileBackend file{list.take("path").value_or("")};
        file.append = TRY(list.take_switch("append")).value_or(false);
        if (file.path.empty()) return fail(ExitStatus::usage, "option '-chardev': a file needs path=PATH");
        return file;
    }
    return fail(ExitStatus::usage, fmt::format("option '-chardev' does not know '{}'", kind));
}

} // namespace

Result<ChardevSettings> parse_backend(std::string_view option, std::string_view text) {
    ChardevSettings result;
    if (text.starts_with("mon:")) {
        result.multiplexed = true;
        text.remove_prefix(4);
    }
    if (text == "stdio") {
        // QEMU's rule: on a terminal that the monitor shares, Ctrl-C is for the guest.
        result.backend = StdioBackend{result.multiplexed ? TerminalSignals::to_guest : TerminalSignals::end_ring3};
    } else if (text == "null" || text == "vc" || text.starts_with("vc:")) { // a console in a window that is not there
        result.backend = NullBackend{};
    } else if (text == "pty") {
        result.backend = PtyBackend{};
    } else if (text.starts_with("file:") && text.size() > 5) {
        result.backend = FileBackend{std::string{text.substr(5)}};
    } else if (text.starts_with("unix:")) {
        result.backend = TRY(parse_unix(option, text.substr(5)));
    } else if (text.starts_with("tcp:")) {
        result.backend = TRY(parse_tcp(option, text.substr(4)));
    } else if (text.starts_with("telnet:")) {
        auto socket = TRY(parse_tcp(option, text.substr(7)));
        socket.telnet = true;
        result.backend = std::move(socket);
    } else {
        return fail(ExitStatus::usage, fmt::format("option '{}' does not know '{}'", option, text));
    }
    return result;
}

Result<ChardevSettings> parse_chardev(std::string_view text) {
    CommaList list{text, "backend"};
    ChardevSettings result;
    auto const kind = list.take("backend").value_or("");
    result.id = list.take("id").value_or("");
    if (result.id.empty()) return fail(ExitStatus::usage, "option '-chardev' needs id=NAME");
    result.multiplexed = TRY(list.take_switch("mux")).value_or(false);
    result.backend = TRY(parse_chardev_backend(kind, list));
    TRY_VOID(list.finish("-chardev"));
    return result;
}

} // namespace ring3::app
