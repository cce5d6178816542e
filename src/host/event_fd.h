// EventFd: how one process wakes another (eventfd(2)). Signals add up until the other side takes them; neither blocks.
#pragma once

#include "host/file_descriptor.h"

#include <chrono>
#include <optional>

namespace ring3::host {

class EventFd {
public:
    static Result<EventFd> create();

    int number() const { return fd_.number(); }
    /// Wakes whoever waits. Never blocks.
    void signal() const;
    /// Takes all signals so far; true if there were any.
    bool take() const;
    /// Sleeps until a signal comes, the time is over or the process receives a POSIX signal; takes what came.
    bool wait(std::optional<std::chrono::nanoseconds> timeout) const;

private:
    explicit EventFd(FileDescriptor fd) : fd_{std::move(fd)} {}
    FileDescriptor fd_;
};

} // namespace ring3::host
