#include "app/net_options.h"

#include "app/netdev_parser.h"
#include "app/pci_slot.h"
#include "app/virtio_options.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::app {

namespace {

struct Model {
    std::string_view name;
    NicModel model;
};
constexpr Model models[] = {{"e1000", NicModel::e1000},
                            {"e1000-82540em", NicModel::e1000},
                            {"rtl8139", NicModel::rtl8139},
                            {"virtio", NicModel::virtio},
                            {"virtio-net-pci", NicModel::virtio},
                            {"virtio-net", NicModel::virtio},
                            {"virtio-net-pci-transitional", NicModel::virtio},
                            {"virtio-net-pci-non-transitional", NicModel::virtio}};

std::optional<NicModel> find_model(std::string_view name) {
    auto const found = std::ranges::find(models, name, &Model::name);
    return found == std::end(models) ? std::nullopt : std::optional{found->model};
}

std::unexpected<Error> bad(std::string_view option, std::string message) {
    return fail(ExitStatus::usage, fmt::format("option '{}': {}", option, std::move(message)));
}

/// QEMU's: the first card ends in 56, the next one in 57.
constexpr std::array<u8, 6> first_mac{0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

} // namespace

std::string default_rom(NicModel model) {
    std::string const path = fmt::format("/usr/lib/ipxe/qemu/pxe-{}.rom", model == NicModel::e1000    ? "e1000"
                                                                          : model == NicModel::virtio ? "virtio"
                                                                                                      : "rtl8139");
    return ::access(path.c_str(), R_OK) == 0 ? path : "";
}

bool NetOptions::knows_device(std::string_view driver) {
    return find_model(driver).has_value();
}

Result<std::string> NetOptions::add_backend(std::string_view option, std::string_view kind, std::string id,
                                            CommaList& list) {
    if (std::ranges::find(netdevs_, id, &NetdevSettings::id) != netdevs_.end())
        return bad(option, fmt::format("the id '{}' is taken", id));
    auto backend = TRY(parse_netdev(option, kind, list));
    netdevs_.push_back({id, std::move(backend)});
    return id;
}

Result<void> NetOptions::add_netdev(std::string_view text) {
    CommaList list{text, "type"};
    auto const kind = list.take("type").value_or("");
    auto const option = fmt::format("-netdev {}", kind);
    auto const id = list.take("id");
    if (!id || id->empty()) return bad(option, "id= is missing");
    TRY(add_backend(option, kind, *id, list));
    defaults_ = false;
    return list.finish(option);
}

/// What a card can be told in every option that makes one.
Result<void> NetOptions::take_card(WantedCard& card, std::string_view name, CommaList& list, std::string_view mac_key) {
    auto const model = find_model(name);
    if (!model) return bad(card.option, fmt::format("there is no card '{}' (e1000, rtl8139, virtio)", name));
    card.settings.card.model = *model;
    card.settings.rom_file = list.take("romfile").value_or(default_rom(*model));
    if (auto const order = TRY(list.take_number("bootindex", 0x7fff'ffff)))
        card.settings.boot_index = static_cast<u32>(*order);
    if (auto const mac = list.take(mac_key)) {
        card.settings.card.mac = TRY(parse_mac(card.option, *mac));
        card.has_mac = true;
    }
    if (*model == NicModel::virtio) {
        card.settings.virtio = TRY(take_virtio_place(name, list));
        card.settings.card.slot = card.settings.virtio.slot;
    }
    if (auto const address = list.take("addr")) {
        card.settings.card.slot = parse_slot(*address);
        if (!card.settings.card.slot)
            return bad(card.option, fmt::format("addr={} is no slot (0x0 to 0x1f)", *address));
    }
    if (auto const bus = list.take("bus"); bus && *bus != "pci.0")
        return bad(card.option, fmt::format("bus={}: the bus is pci.0", *bus));
    return {};
}

Result<void> NetOptions::add_device(std::string_view driver, CommaList& list) {
    WantedCard card;
    card.option = fmt::format("-device {}", driver);
    card.settings.id = list.take("id").value_or("");
    card.netdev = list.take("netdev").value_or("");
    TRY_VOID(take_card(card, driver, list, "mac"));
    cards_.push_back(std::move(card));
    return list.finish(cards_.back().option);
}

Result<void> NetOptions::add_nic(std::string_view text) {
    CommaList list{text, "type"};
    auto const kind = list.take("type").value_or("user");
    defaults_ = false;
    if (kind == "none") return list.finish("-nic none");
    WantedCard card;
    card.option = fmt::format("-nic {}", kind);
    card.settings.id = list.take("id").value_or("");
    TRY_VOID(take_card(card, list.take("model").value_or(default_model_), list, "mac"));
    card.netdev = TRY(add_backend(card.option, kind, fmt::format("#net{}", unnamed_++), list));
    cards_.push_back(std::move(card));
    return list.finish(cards_.back().option);
}

Result<void> NetOptions::add_net(std::string_view text) {
    CommaList list{text, "type"};
    auto const kind = list.take("type").value_or("");
    defaults_ = false;
    if (kind == "none") return list.finish("-net none");
    if (kind == "nic") return add_net_card(list);
    auto const option = fmt::format("-net {}", kind);
    auto id = list.take("id").value_or(list.take("name").value_or(fmt::format("#net{}", unnamed_++)));
    net_backends_.push_back(TRY(add_backend(option, kind, std::move(id), list)));
    return list.finish(option);
}

Result<void> NetOptions::add_net_card(CommaList& list) {
    WantedCard card;
    card.option = "-net nic";
    card.settings.id = list.take("name").value_or("");
    card.netdev = list.take("netdev").value_or("");
    list.take("vectors"); // of MSI-X, which these cards do not have
    TRY_VOID(take_card(card, list.take("model").value_or(default_model_), list, "macaddr"));
    if (card.netdev.empty()) net_cards_.push_back(cards_.size());
    cards_.push_back(std::move(card));
    return list.finish("-net nic");
}

Result<void> NetOptions::add_dump(CommaList& list) {
    constexpr std::string_view option = "-object filter-dump";
    WantedDump dump;
    dump.settings.id = list.take("id").value_or("");
    dump.netdev = list.take("netdev").value_or("");
    dump.settings.file = list.take("file").value_or("");
    dump.settings.longest = static_cast<u32>(TRY(list.take_number("maxlen", 0x7fff'ffff)).value_or(65'536));
    if (dump.settings.id.empty() || dump.netdev.empty() || dump.settings.file.empty())
        return bad(option, "id=, netdev= and file= are needed");
    dumps_.push_back(std::move(dump));
    return list.finish(option);
}

// ---- the end of the command line

/// A PC has a card in QEMU unless somebody says something about its network.
Result<void> NetOptions::add_defaults() {
    if (!defaults_) return {};
    TRY_VOID(add_nic("user"));
    std::ranges::rotate(cards_, cards_.end() - 1); // before the ones of -device
    for (auto& index : net_cards_) ++index;
    return {};
}

Result<void> NetOptions::join_net() {
    if (net_backends_.empty() || net_cards_.empty()) return {};
    if (net_backends_.size() > 1 || net_cards_.size() > 1)
        return bad("-net", "joins one card and one back end; for more of them, name each back end with -netdev and "
                           "plug cards in with -device CARD,netdev=ID (or several into one -netdev switch)");
    cards_[net_cards_.front()].netdev = net_backends_.front();
    return {};
}

Result<NetdevIndex> NetOptions::index_of(std::string_view option, std::string_view id) const {
    auto const found = std::ranges::find(netdevs_, id, &NetdevSettings::id);
    if (found == netdevs_.end())
        return bad(option, fmt::format("there is no network '{}' (-netdev ...,id={})", id, id));
    return static_cast<NetdevIndex>(found - netdevs_.begin());
}

void NetOptions::number_addresses() {
    u8 next = 0;
    for (auto& card : cards_) {
        if (card.has_mac) continue;
        card.settings.card.mac = first_mac;
        card.settings.card.mac[5] = static_cast<u8>(first_mac[5] + next++);
    }
}

/// Slots 0 and 1 are the chip set's.
Result<void> NetOptions::check_slots(NetSettings const& settings) {
    constexpr unsigned first_free = 2;
    std::vector<u8> used;
    for (auto const& nic : settings.nics) {
        if (!nic.card.slot) continue;
        if (*nic.card.slot < first_free || std::ranges::find(used, *nic.card.slot) != used.end())
            return bad("-device", fmt::format("addr={:#x}: somebody is in that slot", *nic.card.slot));
        used.push_back(*nic.card.slot);
    }
    return {};
}

Result<void> NetOptions::plug_cards(NetSettings& settings) {
    std::vector<NetdevIndex> used;
    for (auto& card : cards_) {
        if (!card.netdev.empty()) {
            NetdevIndex const index = TRY(index_of(card.option, card.netdev));
            if (std::ranges::find(used, index) != used.end())
                return bad(card.option, fmt::format("'{}' has a card already", card.netdev));
            used.push_back(index);
            card.settings.netdev = index;
        }
        if (card.settings.id.empty()) card.settings.id = fmt::format("net{}", settings.nics.size());
        settings.nics.push_back(std::move(card.settings));
    }
    if (settings.nics.size() > max_nics) return bad("-device", fmt::format("a PC has {} network cards", max_nics));
    return check_slots(settings);
}

/// A way out is no guest's own, and one switch's.
Result<void> NetOptions::check_uplinks(NetSettings const& settings) const {
    std::vector<NetdevIndex> used;
    for (auto const& netdev : netdevs_) {
        auto const* const port = std::get_if<SwitchPortSettings>(&netdev.backend);
        if (!port || port->uplink.empty()) continue;
        NetdevIndex const index = TRY(index_of("-netdev switch", port->uplink));
        bool const has_card = std::ranges::any_of(settings.nics, [&](auto const& nic) { return nic.netdev == index; });
        if (has_card || port->uplink == netdev.id)
            return bad("-netdev switch", fmt::format("uplink={} has a card of its own", port->uplink));
        if (std::ranges::find(used, index) != used.end())
            return bad("-netdev switch", fmt::format("uplink={} is another switch's already", port->uplink));
        used.push_back(index);
    }
    return {};
}

Result<NetSettings> NetOptions::finish() {
    TRY_VOID(add_defaults());
    TRY_VOID(join_net());
    number_addresses();
    NetSettings settings;
    TRY_VOID(plug_cards(settings));
    for (auto& dump : dumps_) {
        dump.settings.netdev = TRY(index_of("-object filter-dump", dump.netdev));
        settings.dumps.push_back(std::move(dump.settings));
    }
    TRY_VOID(check_uplinks(settings));
    // The monitor knows cards by their numbers, and these are none to it.
    std::ranges::stable_partition(settings.nics, [](auto const& nic) { return nic.card.model != NicModel::virtio; });
    settings.netdevs = std::move(netdevs_);
    return settings;
}

} // namespace ring3::app
