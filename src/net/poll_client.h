// PollClient: somebody with descriptors to wait for, in whatever event loop calls poll(2).
#pragma once

#include <poll.h>
#include <span>
#include <vector>

namespace ring3::net {

class PollClient {
public:
    virtual ~PollClient() = default;
    /// Before the sleep: adds descriptors, and may shorten the time (in milliseconds; -1: for ever).
    virtual void prepare(std::vector<pollfd>& entries, int& timeout) = 0;
    /// After it: the entries that prepare() added, with what has happened to them. Called after each sleep.
    virtual void dispatch(std::span<pollfd const> entries) = 0;

protected:
    static void shorten(int& timeout, int milliseconds) {
        if (timeout < 0 || milliseconds < timeout) timeout = milliseconds;
    }
};

} // namespace ring3::net
