// UserNetwork: a network of its own for a guest, behind address translation, by libslirp. It needs no rights: each of the
// guest's connections becomes a socket of this process.
//
//     guest 10.0.2.15 --- UserNetwork: router and host 10.0.2.2, DNS 10.0.2.3, DHCP, TFTP --- the host's sockets
//
// libslirp parses what the guest sends; what it makes of it are ordinary sockets. It wants to be asked before and after each
// poll(2), and that is all its contact with the event loop. Frames that the guest cannot take wait here, up to a limit: TCP
// sends again what is lost beyond it.
#pragma once

#include "base/result.h"
#include "net/backend.h"
#include "net/user_settings.h"

#include <memory>

struct Slirp;

namespace ring3::net {

class UserNetwork final : public Backend {
public:
    /// `complain` hears what libslirp says about the guest's packets.
    static Result<std::unique_ptr<UserNetwork>> create(UserSettings settings, Complain complain);
    ~UserNetwork() override;
    UserNetwork(UserNetwork const&) = delete;

    bool takes_long_segments() const override { return true; }
    std::string describe() const override;
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const> entries) override;

private:
    struct Calls; // what libslirp calls
    struct Timer;
    UserNetwork(UserSettings settings, Complain complain);
    void put(Frame frame) override;
    Result<void> start();
    Result<void> forward(HostForward const& rule);
    Result<void> forward(GuestForward const& rule);
    void run_timers();

    UserSettings settings_;
    Complain complain_;
    Slirp* slirp_{};
    std::vector<std::unique_ptr<Timer>> timers_;
};

/// "10.0.2.15".
std::string text_of(in_addr address);

} // namespace ring3::net
