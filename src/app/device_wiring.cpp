#include "app/device_wiring.h"

#include "app/backend_parser.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::app {

namespace {

bool is_stdio(ChardevSettings const& chardev) {
    return std::holds_alternative<StdioBackend>(chardev.backend);
}

} // namespace

Result<void> DeviceWiring::add_chardev(std::string_view text) {
    auto chardev = TRY(parse_chardev(text));
    if (std::ranges::any_of(chardevs_, [&](auto const& other) { return other.id == chardev.id; }))
        return fail(ExitStatus::usage, fmt::format("option '-chardev': the id '{}' is taken", chardev.id));
    chardevs_.push_back(std::move(chardev));
    users_.push_back(0);
    return {};
}

void DeviceWiring::add_defaults() {
    if (!defaults_) return;
    bool const monitor_shares =
        std::ranges::any_of(serial_, [](std::string const& text) { return text.starts_with("mon:"); });
    bool const monitor_missing = monitors_.empty() && !monitor_shares;
    if (serial_.empty())
        serial_.push_back(!terminal_ ? "null" : monitor_missing ? "mon:stdio" : "stdio");
    else if (terminal_ && monitor_missing)
        monitors_.push_back("stdio");
    if (parallel_.empty()) parallel_.push_back("null");
}

Result<ChardevIndex> DeviceWiring::use(std::string_view option, ChardevIndex index) {
    if (users_[index]++ > 0 && !chardevs_[index].multiplexed)
        return fail(ExitStatus::usage, fmt::format("option '{}': '{}' has a user already and is not multiplexed",
                                                   option, chardevs_[index].id));
    return index;
}

Result<std::optional<ChardevIndex>> DeviceWiring::open(std::string_view option, std::string const& text) {
    if (text == "none") return std::optional<ChardevIndex>{};
    if (text.starts_with("chardev:")) {
        auto const found = std::ranges::find(chardevs_, text.substr(8), &ChardevSettings::id);
        if (found == chardevs_.end())
            return fail(ExitStatus::usage, fmt::format("option '{}': there is no '{}'", option, text));
        return TRY(use(option, static_cast<ChardevIndex>(found - chardevs_.begin())));
    }
    auto chardev = TRY(parse_backend(option, text));
    bool const shared = chardev.multiplexed;
    chardev.id = fmt::format("{} {}", option, text);
    chardevs_.push_back(std::move(chardev));
    users_.push_back(1);
    ChardevIndex const index = chardevs_.size() - 1;
    if (shared) shared_with_monitor_ = index;
    return index;
}

Result<void> DeviceWiring::connect_serial(VmSettings& settings) {
    if (serial_.size() > driver::serial_ports)
        return fail(ExitStatus::usage, fmt::format("option '-serial': a PC has {} serial ports", driver::serial_ports));
    for (std::size_t port = 0; port < serial_.size(); ++port)
        if (auto const index = TRY(open("-serial", serial_[port]))) settings.serial[port] = SerialSettings{*index};
    return {};
}

Result<void> DeviceWiring::connect_others(VmSettings& settings) {
    if (parallel_.size() > 1) return fail(ExitStatus::usage, "option '-parallel': this PC has one parallel port");
    if (debugcon_.size() > 1) return fail(ExitStatus::usage, "option '-debugcon': there can be one debug console");
    if (virtconsoles_.size() > 1)
        return fail(ExitStatus::usage, "option '-device virtconsole': a virtio-serial-pci has one port here");
    for (auto const& text : virtconsoles_) settings.virtconsole = TRY(open("-device virtconsole", text));
    for (auto const& text : parallel_) settings.parallel = TRY(open("-parallel", text));
    for (auto const& [text, port] : debugcon_) {
        if (auto const index = TRY(open("-debugcon", text))) settings.debugcon = DebugconSettings{port, *index};
    }
    for (auto const& text : monitors_) {
        if (auto const index = TRY(open("-monitor", text))) settings.monitors.push_back(*index);
    }
    return {};
}

Result<void> DeviceWiring::connect(VmSettings& settings) {
    add_defaults();
    TRY_VOID(connect_serial(settings));
    TRY_VOID(connect_others(settings));
    if (shared_with_monitor_) settings.monitors.push_back(*shared_with_monitor_);
    if (std::ranges::count_if(chardevs_, is_stdio) > 1)
        return fail(ExitStatus::usage, "stdio can serve one device only (mon:stdio lets several share it)");
    settings.chardevs = std::move(chardevs_);
    return {};
}

} // namespace ring3::app
