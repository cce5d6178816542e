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
    // ---- for cards whose queues are processed in the app (NicModel::virtio); numbers as in NetSettings::nics
    /// `station` gets the back end's frames; nullptr: the cable leads nowhere. The back end goes with this.
    net::Backend* connect(std::size_t card, net::Station& station, std::function<void()> link_changed);
    bool link(std::size_t card) const { return cards_[card].link; }
    std::array<u8, 6> const& mac(std::size_t card) const { return cards_[card].mac; }
    void record(std::size_t card, std::span<u8 const> frame) { cards_[card].line->record(frame); }
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
        net::Backend* backend{};
        std::function<void()> link_changed; // of a virtio card
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
