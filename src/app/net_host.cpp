#include "app/net_host.h"

#include "app/images.h"
#include "host/file_descriptor.h"
#include "net/packet_link.h"
#include "net/stream_link.h"
#include "net/user_network.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ring3::app {

namespace {

using net::Complain;

using Opened = Result<std::unique_ptr<net::Backend>>;

template <class Link> Opened as_backend(Result<std::unique_ptr<Link>> link) {
    if (!link) return std::unexpected(std::move(link).error());
    return std::unique_ptr<net::Backend>{*std::move(link)};
}

Opened open_backend(net::UserSettings const& settings, Complain complain) {
    return as_backend(net::UserNetwork::create(settings, std::move(complain)));
}
Opened open_backend(TapSettings const& settings, Complain complain) {
    return as_backend(net::PacketLink::open_tap(settings.interface, std::move(complain)));
}
Opened open_backend(StreamSettings const& settings, Complain complain) {
    return as_backend(settings.server ? net::StreamLink::listen(settings.endpoint, std::move(complain))
                                      : net::StreamLink::connect_to(settings.endpoint, std::move(complain)));
}
Opened open_backend(UdpSettings const& settings, Complain complain) {
    return as_backend(net::PacketLink::open_udp(settings.peer, settings.local, std::move(complain)));
}
Opened open_backend(MulticastSettings const& settings, Complain complain) {
    return as_backend(net::PacketLink::join(settings.group, settings.local_address, std::move(complain)));
}
Opened open_backend(SwitchPortSettings const& settings, Complain complain) {
    return as_backend(net::SwitchPort::open(settings.port, std::move(complain)));
}

/// The end of a cable that nothing is plugged into.
class Nowhere final : public net::Station {
public:
    bool ready() const override { return true; }
    void arrive(net::Frame) override {}
    void backend_ready() override {}
};

std::string_view name_of(NicModel model) {
    if (model == NicModel::virtio) return "virtio-net-pci";
    return model == NicModel::e1000 ? "e1000" : "rtl8139";
}

} // namespace

Result<void> load_roms(NetSettings& settings) {
    constexpr std::size_t most = 4 << 20, least = 4096;
    for (auto& nic : settings.nics) {
        if (nic.rom_file.empty()) continue;
        nic.card.rom = TRY(read_file("ROM", nic.rom_file, most));
        nic.card.rom.resize(std::bit_ceil(std::max(nic.card.rom.size(), least)), 0xff);
    }
    return {};
}

Result<std::unique_ptr<NetHost>> NetHost::open(EventLoop& loop, NetSettings const& settings, Complain complain) {
    std::unique_ptr<NetHost> host{new NetHost{loop, std::move(complain)}};
    TRY_VOID(host->open_dumps(settings));
    TRY_VOID(host->open_backends(settings));
    host->connect_cards(settings);
    return host;
}

NetHost::~NetHost() {
    for (auto const& card : cards_) loop_.remove(*card.line);
    for (auto const& port : uplink_ports_) loop_.remove(*port);
    for (auto const& backend : backends_) loop_.remove(*backend);
    for (auto const& dump : dumps_) dump.writer->flush();
}

net::Complain NetHost::complaint_of(std::string const& id) const {
    return [complain = complain_, id](std::string text) { complain(fmt::format("network '{}': {}", id, text)); };
}

Result<void> NetHost::open_backends(NetSettings const& settings) {
    static Nowhere nowhere; // until a card or another cable is
    for (auto const& netdev : settings.netdevs) {
        auto opened = std::visit([&](auto const& backend) { return open_backend(backend, complaint_of(netdev.id)); },
                                 netdev.backend);
        if (!opened)
            return fail(opened.error().status, fmt::format("network '{}': {}", netdev.id, opened.error().message));
        (*opened)->connect(nowhere);
        loop_.add(*backends_.emplace_back(*std::move(opened)));
    }
    for (auto const& netdev : settings.netdevs) {
        auto const* const port = std::get_if<SwitchPortSettings>(&netdev.backend);
        if (!port || port->uplink.empty()) continue;
        auto const way_out = std::ranges::find(settings.netdevs, port->uplink, &NetdevSettings::id);
        net::PortRules const rules{.vlan = port->uplink_vlan, .uplink = true};
        auto opened = open_backend(SwitchPortSettings{{port->port.name, rules}, {}, {}}, complaint_of(netdev.id));
        if (!opened) return std::unexpected(std::move(opened).error());
        loop_.add(*uplink_ports_.emplace_back(*std::move(opened)));
        auto& outside = *backends_[static_cast<std::size_t>(way_out - settings.netdevs.begin())];
        uplinks_.push_back(std::make_unique<net::Crossover>(*uplink_ports_.back(), outside));
    }
    return {};
}

Result<void> NetHost::open_dumps(NetSettings const& settings) {
    for (auto const& wanted : settings.dumps) {
        auto writer = TRY(net::PcapWriter::create(wanted.file, wanted.longest));
        dumps_.push_back({wanted.netdev, std::make_unique<net::PcapWriter>(std::move(writer)), wanted.file});
    }
    return {};
}

void NetHost::connect_cards(NetSettings const& settings) {
    for (auto const& nic : settings.nics) {
        net::Backend* const backend = nic.netdev ? backends_[*nic.netdev].get() : nullptr;
        Card& card = cards_.emplace_back();
        card.id = nic.id;
        card.model = nic.card.model;
        card.mac = nic.card.mac;
        if (nic.netdev) card.backend_id = settings.netdevs[*nic.netdev].id;
        card.backend = backend;
        // A virtio card's line only writes captures: the back end gets another station.
        card.line = std::make_unique<NicLine>(static_cast<u8>(cards_.size() - 1), backend);
        loop_.add(*card.line);
        for (auto const& dump : dumps_) {
            if (dump.netdev != nic.netdev) continue;
            card.line->observe(*dump.writer, [this, file = dump.file] {
                complain_(fmt::format("cannot write '{}': {}", file, host::errno_text(errno)));
            });
        }
    }
}

net::Backend* NetHost::connect(std::size_t card, net::Station& station, std::function<void()> link_changed) {
    cards_[card].link_changed = std::move(link_changed);
    if (cards_[card].backend) cards_[card].backend->connect(station);
    return cards_[card].backend;
}

void NetHost::attach(driver::AppEnd* driver) {
    driver_ = driver;
    for (auto& card : cards_) {
        if (card.model == NicModel::virtio) continue;
        card.line->attach(driver);
        if (driver && !card.link) driver->try_send(driver::Cable{static_cast<u8>(&card - cards_.data()), false});
    }
}

Result<void> NetHost::sent(driver::FrameOut const& part) {
    if (part.nic >= cards_.size() || cards_[part.nic].model == NicModel::virtio)
        return fail(ExitStatus::internal, "a frame of a network card that is not there");
    if (!cards_[part.nic].line->sent(part))
        return fail(ExitStatus::internal,
                    "a frame that is too long or too short, or more frames than its window allows");
    return {};
}

Result<void> NetHost::taken(driver::FrameInTaken const& message) {
    if (message.nic < cards_.size() && cards_[message.nic].line->taken(message.count)) return {};
    return fail(ExitStatus::internal, "more frames taken than there were");
}

std::string NetHost::describe() const {
    std::string text;
    for (auto const& card : cards_) {
        text += fmt::format("{}: model={},macaddr={:02x}{}\n", card.id, name_of(card.model), fmt::join(card.mac, ":"),
                            card.link ? "" : " (cable pulled out)");
    }
    for (auto const& backend : backends_) text += fmt::format(" \\ {}\n", backend->describe());
    return text.empty() ? "no network\n" : text;
}

bool NetHost::set_link(std::string_view id, bool up) {
    bool found = false;
    for (auto& card : cards_) {
        if (card.id != id && card.backend_id != id) continue;
        found = true;
        card.link = up;
        if (card.link_changed)
            card.link_changed();
        else if (driver_)
            driver_->try_send(driver::Cable{static_cast<u8>(&card - cards_.data()), up});
    }
    return found;
}

} // namespace ring3::app
