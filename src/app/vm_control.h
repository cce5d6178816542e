// VmControl: what an operator can do to a machine. The session implements it; consoles use it.
#pragma once

#include "app/key_names.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ring3::app {

class VmControl {
public:
    virtual ~VmControl() = default;
    virtual void stop() = 0;
    virtual void resume() = 0;
    virtual void reset() = 0;
    virtual void press_power_button() = 0;
    virtual void raise_nmi() = 0;
    virtual void quit() = 0;
    virtual void press_key(Key key) = 0;
    virtual void release_key(Key key) = 0;
    /// The drives and what is in them, a line each.
    virtual std::string disks() const = 0;
    /// Another medium, or none, for a floppy or CD-ROM drive; what went wrong, or nothing.
    virtual std::string change_medium(std::string_view drive, std::string const& path) = 0;
    /// "running", "paused", "paused (shutdown)".
    virtual std::string status() const = 0;
    /// Cards and what they are plugged into.
    virtual std::string network() const { return ""; }
    /// Plugs a card's cable in or out, by the card's or the network's name; false: no such name.
    virtual bool set_link(std::string_view /*name*/, bool /*up*/) { return false; }
    /// How much memory the balloon leaves to the guest; nothing: there is no balloon.
    virtual std::optional<u64> guest_memory() const { return {}; }
    /// Moves the balloon; false: there is none.
    virtual bool set_guest_memory(u64 /*bytes*/) { return false; }
    /// Calls back with the processor's registers as text, once the monitor has answered.
    /// Writes what the screen shows to a file (screen_dump.h), then calls back with what went wrong, or nothing.
    virtual void dump_screen(std::string path, std::function<void(std::string_view)> done) = 0;
    virtual void query_registers(std::function<void(std::string_view)> answer) = 0;
};

} // namespace ring3::app
