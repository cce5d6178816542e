// The network of a command line in QEMU's spellings: -netdev, -nic, -net, -device for cards, -object filter-dump.
#pragma once

#include "app/comma_list.h"
#include "app/net_settings.h"

#include <string>
#include <string_view>
#include <vector>

namespace ring3::app {

class NetOptions {
public:
    Result<void> add_netdev(std::string_view text);
    /// -nic BACKEND,model=,mac=,...; "none": no card by default.
    Result<void> add_nic(std::string_view text);
    /// -net nic,... and -net BACKEND,...: one of each, plugged into each other.
    Result<void> add_net(std::string_view text);
    /// -device e1000 ...: the rest of its list, without `driver`.
    Result<void> add_device(std::string_view driver, CommaList& list);
    static bool knows_device(std::string_view driver);
    /// -object filter-dump: the rest of its list, without `qom-type`.
    Result<void> add_dump(CommaList& list);
    void no_defaults() { defaults_ = false; }
    /// The card of -nic without model=, instead of e1000. To be called before it.
    void set_default_model(std::string_view model) { default_model_ = model; }

    /// To be called once, at the end of the command line.
    Result<NetSettings> finish();

private:
    struct WantedCard {
        NicSettings settings;
        std::string option; // for messages
        std::string netdev; // its id
        bool has_mac{};
    };
    struct WantedDump {
        DumpSettings settings;
        std::string netdev;
    };
    Result<std::string> add_backend(std::string_view option, std::string_view kind, std::string id, CommaList& list);
    Result<void> take_card(WantedCard& card, std::string_view model, CommaList& list, std::string_view mac_key);
    Result<void> add_net_card(CommaList& list);
    Result<void> add_defaults();
    Result<void> join_net();
    Result<NetdevIndex> index_of(std::string_view option, std::string_view id) const;
    Result<void> plug_cards(NetSettings& settings);
    Result<void> check_uplinks(NetSettings const& settings) const;
    static Result<void> check_slots(NetSettings const& settings);
    void number_addresses();

    std::vector<NetdevSettings> netdevs_;
    std::vector<WantedCard> cards_;
    std::vector<WantedDump> dumps_;
    std::vector<std::string> net_backends_; // of -net, by id
    std::vector<std::size_t> net_cards_;    // of -net
    bool defaults_{true};
    std::string default_model_{"e1000"};
    unsigned unnamed_{};
};

/// The ROM that a card of that model brings along, if this host has it; else empty.
std::string default_rom(NicModel model);

} // namespace ring3::app
