// NetHost: the network of a VM: its back ends, opened, and the lines to its cards.
#pragma once

#include "app/event_loop.h"
#include "app/net_settings.h"
#include "app/nic_line.h"
#include "net/crossover.h"

#include <functional>
#include <memory>

namespace ring3::app {

/// Reads the cards' ROMs, padded to the size that a window for one has.
Result<void> load_roms(NetSettings& settings);

class NetHost {
public:
    /// `complain` hears, in one line each, about back ends that no longer work.
    static Result<std::unique_ptr<NetHost>> open(EventLoop& loop, NetSettings const& settings, net::Complain complain);
    ~NetHost();
    NetHost(NetHost const&) = delete;

    /// A new monitor, or none.
    void attach(driver::AppEnd* driver);
    /// From the monitor; an error if it broke the rules.
    Result<void> sent(driver::FrameOut const& part);
    Result<void> taken(driver::FrameInTaken const& message);
    /// What `info network` shows.
    std::string describe() const;
    /// Plugs the cable of a card or of a back end in or out; false: no such name.
    bool set_link(std::string_view id, bool up);

private:
    NetHost(EventLoop& loop, net::Complain complain) : loop_{loop}, complain_{std::move(complain)} {}
    Result<void> open_backends(NetSettings const& settings);
    Result<void> open_dumps(NetSettings const& settings);
    void connect_cards(NetSettings const& settings);
    net::Complain complaint_of(std::string const& id) const;

    struct Card {
        std::string id, backend_id;
        NicModel model{};
        std::array<u8, 6> mac{};
        std::unique_ptr<NicLine> line;
        bool link{true};
    };
    struct Dump {
        NetdevIndex netdev{};
        std::unique_ptr<net::PcapWriter> writer;
        std::string file;
    };
    EventLoop& loop_;
    net::Complain complain_;
    driver::AppEnd* driver_{};
    std::vector<Dump> dumps_;
    std::vector<std::unique_ptr<net::Backend>> backends_; // as NetSettings::netdevs
    std::vector<std::unique_ptr<net::Backend>> uplink_ports_;
    std::vector<std::unique_ptr<net::Crossover>> uplinks_;
    std::vector<Card> cards_;
};

} // namespace ring3::app
