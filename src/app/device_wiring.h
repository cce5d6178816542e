// DeviceWiring: from the -serial, -parallel, -monitor, -debugcon and -chardev options of a command line to the list of
// back-ends and who uses which. It knows QEMU's defaults and its rule that a back-end has one user unless multiplexed.
#pragma once

#include "app/vm_settings.h"

#include <optional>
#include <string>
#include <vector>

namespace ring3::app {

class DeviceWiring {
public:
    Result<void> add_chardev(std::string_view text);
    void add_serial(std::string text) { serial_.push_back(std::move(text)); }
    void add_parallel(std::string text) { parallel_.push_back(std::move(text)); }
    void add_monitor(std::string text) { monitors_.push_back(std::move(text)); }
    void add_debugcon(std::string text, driver::DebugconPort port) { debugcon_.push_back({std::move(text), port}); }
    /// -device virtconsole: a user whose chardev is connect()ed to the settings' virtio console.
    void add_virtconsole(std::string chardev) { virtconsoles_.push_back("chardev:" + chardev); }
    /// -nographic: what has no place of its own goes to the terminal.
    void use_terminal() { terminal_ = true; }
    /// -nodefaults: only what was asked for.
    void no_defaults() { defaults_ = false; }

    /// Fills the settings; to be called once, at the end of the command line.
    Result<void> connect(VmSettings& settings);

private:
    struct Debugcon {
        std::string text;
        driver::DebugconPort port;
    };
    void add_defaults();
    Result<std::optional<ChardevIndex>> open(std::string_view option, std::string const& text);
    Result<ChardevIndex> use(std::string_view option, ChardevIndex index);
    Result<void> connect_serial(VmSettings& settings);
    Result<void> connect_others(VmSettings& settings);

    std::vector<std::string> serial_, parallel_, monitors_;
    std::vector<Debugcon> debugcon_;
    std::vector<std::string> virtconsoles_;
    std::vector<ChardevSettings> chardevs_;
    std::vector<unsigned> users_;
    std::optional<ChardevIndex> shared_with_monitor_; // mon:...
    bool terminal_{};
    bool defaults_{true};
};

} // namespace ring3::app
