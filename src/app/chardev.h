// Chardev: a place where characters go to and come from: a terminal, a file, a socket. What is behind it is chosen by
// the command line; what is in front of it, a serial port or a console, is its CharUser.
#pragma once

#include "app/event_loop.h"
#include "app/vm_settings.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ring3::app {

/// Who uses a chardev.
class CharUser {
public:
    virtual ~CharUser() = default;
    /// Input is read from the outside only while this is true: nothing is lost, the far end waits.
    virtual bool wants_input() const = 0;
    virtual void input(std::string_view bytes) = 0;
    /// There will be no more of it.
    virtual void input_ended() {}
    /// The person's keys go here from now on.
    virtual void focused() {}
    /// Somebody new is at the far end, who has seen nothing of what was said.
    virtual void connected() {}
    /// A person asked for a break on the line.
    virtual void send_break() {}
};

/// A host output that cannot be written any more.
struct OutputFailure {
    std::string what;
    int error{};
    bool standard_output{};
};
using OutputFailed = std::function<void(OutputFailure const&)>;

class Chardev {
public:
    virtual ~Chardev() = default;
    /// Queues bytes; takes them in any case, but callers stop while has_room() is false.
    virtual void write(std::string_view bytes) = 0;
    virtual bool has_room() const = 0;
    /// Nothing is queued any more, or nobody is there to take it.
    virtual bool drained() const = 0;
    /// False while a server that should wait for its first client has none.
    virtual bool is_connected() const { return true; }
    /// Is a person at a terminal the far end?
    virtual bool is_terminal() const { return false; }
    /// The far end takes what comes when it comes; at the end of a run, do not wait for it for long.
    virtual bool may_stall() const { return false; }
    /// The user wants input again, after it did not. Only somebody in between who keeps input needs to know.
    virtual void resume_input() {}
    void set_user(CharUser* user) { user_ = user; }

protected:
    CharUser* user_{};
};

/// Opens what the command line named. Errors have ExitStatus::io.
Result<std::unique_ptr<Chardev>> open_chardev(EventLoop& loop, ChardevSettings const& settings, OutputFailed failed);

} // namespace ring3::app
