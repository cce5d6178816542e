#include "net/user_network.h"

#include "host/file_descriptor.h"
#include "host/time.h"

#include <algorithm>
#include <arpa/inet.h>
#include <climits>
#include <fmt/format.h>
#include <slirp/libslirp.h>

namespace ring3::net {

namespace {

constexpr u64 nanoseconds_per_millisecond = 1'000'000;

i64 now_milliseconds() {
    return static_cast<i64>(host::monotonic_nanoseconds() / nanoseconds_per_millisecond);
}

struct EventPair {
    int slirp;
    short host;
};
constexpr EventPair events[] = {{SLIRP_POLL_IN, POLLIN},
                                {SLIRP_POLL_OUT, POLLOUT},
                                {SLIRP_POLL_PRI, POLLPRI},
                                {SLIRP_POLL_ERR, POLLERR},
                                {SLIRP_POLL_HUP, POLLHUP}};

short to_host(int wanted) {
    int result = 0;
    for (auto const [slirp, host] : events) result |= wanted & slirp ? host : 0;
    return static_cast<short>(result);
}

int to_slirp(short seen) {
    int result = 0;
    for (auto const [slirp, host] : events) result |= seen & host ? slirp : 0;
    return result;
}

char const* or_null(std::string const& text) {
    return text.empty() ? nullptr : text.c_str();
}

} // namespace

struct UserNetwork::Timer {
    SlirpTimerId id;
    void* subject;
    std::optional<i64> at;
};

/// libslirp is C: it calls plain functions with a pointer that means us.
struct UserNetwork::Calls {
    static UserNetwork& self(void* opaque) { return *static_cast<UserNetwork*>(opaque); }

    static ssize_t send_packet(void const* bytes, std::size_t count, void* opaque) {
        // The return value says that the frame was consumed, which a dropped one was too.
        if (is_frame_length(count)) self(opaque).station().arrive({{static_cast<u8 const*>(bytes), count}});
        return static_cast<ssize_t>(count);
    }
    static void guest_error(char const* message, void* opaque) { self(opaque).complain_(message); }
    static std::int64_t clock(void*) { return static_cast<std::int64_t>(host::monotonic_nanoseconds()); }
    static void* timer_new(SlirpTimerId id, void* subject, void* opaque) {
        auto& timers = self(opaque).timers_;
        timers.push_back(std::make_unique<Timer>(Timer{id, subject, {}}));
        return timers.back().get();
    }
    static void timer_free(void* timer, void* opaque) {
        std::erase_if(self(opaque).timers_, [timer](auto const& entry) { return entry.get() == timer; });
    }
    static void timer_mod(void* timer, std::int64_t expire, void*) { static_cast<Timer*>(timer)->at = expire; }
    static void register_fd(int, void*) {}
    static void notify(void*) {} // one thread: the next turn looks anyway

    static int add_poll(int fd, int wanted, void* entries) {
        auto& list = *static_cast<std::vector<pollfd>*>(entries);
        list.push_back({fd, to_host(wanted), 0});
        return static_cast<int>(list.size()) - 1;
    }
    static int seen(int index, void* entries) {
        auto const& list = *static_cast<std::span<pollfd const>*>(entries);
        auto const at = static_cast<std::size_t>(index);
        return at < list.size() ? to_slirp(list[at].revents) : 0;
    }

    static constexpr SlirpCb table{.send_packet = send_packet,
                                   .guest_error = guest_error,
                                   .clock_get_ns = clock,
                                   .timer_new = nullptr,
                                   .timer_free = timer_free,
                                   .timer_mod = timer_mod,
                                   .register_poll_fd = register_fd,
                                   .unregister_poll_fd = register_fd,
                                   .notify = notify,
                                   .init_completed = nullptr,
                                   .timer_new_opaque = timer_new};
};

UserNetwork::UserNetwork(UserSettings settings, Complain complain)
    : settings_{std::move(settings)}, complain_{std::move(complain)} {}

Result<std::unique_ptr<UserNetwork>> UserNetwork::create(UserSettings settings, Complain complain) {
    std::unique_ptr<UserNetwork> network{new UserNetwork{std::move(settings), std::move(complain)}};
    TRY_VOID(network->start());
    for (auto const& rule : network->settings_.host_forwards) TRY_VOID(network->forward(rule));
    for (auto const& rule : network->settings_.guest_forwards) TRY_VOID(network->forward(rule));
    return network;
}

UserNetwork::~UserNetwork() {
    if (slirp_) slirp_cleanup(slirp_);
}

Result<void> UserNetwork::start() {
    std::vector<char const*> search;
    for (auto const& domain : settings_.dns_search) search.push_back(domain.c_str());
    search.push_back(nullptr);
    SlirpConfig config{};
    config.version = 4;
    config.restricted = settings_.restricted;
    config.in_enabled = settings_.ipv4;
    config.vnetwork = settings_.network;
    config.vnetmask = settings_.mask;
    config.vhost = settings_.host;
    config.in6_enabled = settings_.ipv6;
    config.vprefix_addr6 = settings_.prefix6;
    config.vprefix_len = settings_.prefix6_length;
    config.vhost6 = settings_.host6;
    config.vhostname = or_null(settings_.hostname);
    config.tftp_server_name = or_null(settings_.tftp_server_name);
    config.tftp_path = or_null(settings_.tftp_root);
    config.bootfile = or_null(settings_.boot_file);
    config.vdhcp_start = settings_.dhcp_start;
    config.vnameserver = settings_.dns;
    config.vnameserver6 = settings_.dns6;
    config.vdnssearch = settings_.dns_search.empty() ? nullptr : search.data();
    config.vdomainname = or_null(settings_.domain_name);
    slirp_ = slirp_new(&config, &Calls::table, this);
    if (!slirp_) return fail(ExitStatus::internal, "libslirp refuses the user network's settings");
    return {};
}

Result<void> UserNetwork::forward(HostForward const& rule) {
    if (slirp_add_hostfwd(slirp_, rule.udp, rule.host, rule.host_port, rule.guest, rule.guest_port) == 0) return {};
    return host::fail_errno(ExitStatus::io, fmt::format("cannot forward the host's {} port {}:{}",
                                                        rule.udp ? "UDP" : "TCP", text_of(rule.host), rule.host_port));
}

Result<void> UserNetwork::forward(GuestForward const& rule) {
    in_addr server = rule.server;
    int const result = rule.command.empty() ? slirp_add_unix(slirp_, rule.unix_socket.c_str(), &server, rule.port)
                                            : slirp_add_exec(slirp_, rule.command.c_str(), &server, rule.port);
    if (result == 0) return {};
    return fail(ExitStatus::configuration,
                fmt::format("cannot forward the guest's connections to {}:{}: the address is not in the virtual "
                            "network, or taken",
                            text_of(rule.server), rule.port));
}

void UserNetwork::put(Frame frame) {
    slirp_input(slirp_, frame.bytes.data(), static_cast<int>(frame.bytes.size()));
}

void UserNetwork::run_timers() {
    i64 const now = now_milliseconds();
    // A timer's call may move or free timers, so each is looked for anew; those set for the future end the search.
    for (;;) {
        auto const due =
            std::ranges::find_if(timers_, [now](auto const& timer) { return timer->at && *timer->at <= now; });
        if (due == timers_.end()) return;
        (*due)->at.reset();
        slirp_handle_timer(slirp_, (*due)->id, (*due)->subject);
    }
}

void UserNetwork::prepare(std::vector<pollfd>& entries, int& timeout) {
    u32 wanted = timeout < 0 ? std::numeric_limits<u32>::max() : static_cast<u32>(timeout);
    u32 const before = wanted;
    std::vector<pollfd> own; // libslirp is given positions among its own
    slirp_pollfds_fill(slirp_, &wanted, Calls::add_poll, &own);
    entries.insert(entries.end(), own.begin(), own.end());
    if (wanted != before) shorten(timeout, static_cast<int>(std::min<u32>(wanted, INT_MAX)));
    i64 const now = now_milliseconds();
    for (auto const& timer : timers_)
        if (timer->at) shorten(timeout, static_cast<int>(std::clamp<i64>(*timer->at - now, 0, INT_MAX)));
}

void UserNetwork::dispatch(std::span<pollfd const> entries) {
    slirp_pollfds_poll(slirp_, 0, Calls::seen, &entries);
    run_timers();
}

std::string UserNetwork::describe() const {
    return fmt::format("user,net={},restrict={}", text_of(settings_.network), settings_.restricted ? "on" : "off");
}

std::string text_of(in_addr address) {
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &address, text, sizeof text);
}

} // namespace ring3::net
