// Outputs: all chardevs of a machine, opened, with multiplexers where the command line asked for them.
#pragma once

#include "app/chardev.h"
#include "app/multiplexer.h"

#include <memory>
#include <vector>

namespace ring3::app {

class Outputs {
public:
    /// Opens everything, or nothing.
    static Result<std::unique_ptr<Outputs>> open(EventLoop& loop, VmSettings const& settings, OutputFailed failed,
                                                 std::function<void()> quit);

    /// A place for one more user of that chardev.
    Chardev& connect(ChardevIndex index);
    bool is_multiplexed(ChardevIndex index) const { return places_[index].multiplexer != nullptr; }
    /// The log (-d).
    Chardev& log() { return *log_; }

    /// False while any of them is full: then nothing more is taken from the monitor, which in turn stops the guest.
    bool has_room() const;
    /// Have all servers that should wait for a client got one?
    bool are_connected() const;
    enum class Patience : u8 { all, only_those_that_cannot_stall };
    bool drained(Patience patience) const;

private:
    struct Place {
        std::unique_ptr<Chardev> chardev;
        std::unique_ptr<Multiplexer> multiplexer;
    };
    std::vector<Place> places_;
    std::unique_ptr<Chardev> log_;
};

} // namespace ring3::app
