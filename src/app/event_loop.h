// The app's event loop: poll(2) over a handful of descriptors, and alarms. One thread, level-triggered: a source that
// still has something to do simply stays interested.
#pragma once

#include "base/types.h"
#include "net/poll_client.h"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace ring3::app {

/// A descriptor and what to do when it is ready. Asked anew each turn, so back-pressure is just a loss of interest.
class EventSource {
public:
    virtual ~EventSource() = default;
    virtual int fd() const = 0;
    /// POLLIN, POLLOUT or both; 0: not now, not even errors.
    virtual short interest() const = 0;
    virtual void ready(short events) = 0;
};

class EventLoop;

/// Calls back once, some time after set(). Setting it again moves it.
class Alarm {
public:
    Alarm(EventLoop& loop, std::function<void()> rings);
    ~Alarm();
    Alarm(Alarm const&) = delete;
    void set(std::chrono::milliseconds after);
    void cancel() { at_.reset(); }
    bool is_set() const { return at_.has_value(); }

private:
    friend class EventLoop;
    EventLoop& loop_;
    std::function<void()> rings_;
    std::optional<u64> at_; // monotonic nanoseconds
};

class EventLoop {
public:
    void add(EventSource& source) { sources_.push_back(&source); }
    void remove(EventSource& source) { std::erase(sources_, &source); }
    /// The same for somebody whose descriptors change from turn to turn.
    void add(net::PollClient& client) { clients_.push_back(&client); }
    void remove(net::PollClient& client) { std::erase(clients_, &client); }

    /// Whether a turn may sleep.
    enum class Sleep : u8 { may, must_not };
    /// Waits until something is ready or an alarm rings, and handles what is.
    void turn(Sleep sleep);

private:
    friend class Alarm;
    int poll_timeout() const;
    void ring_alarms();
    std::vector<EventSource*> sources_;
    std::vector<net::PollClient*> clients_;
    std::vector<Alarm*> alarms_;
};

} // namespace ring3::app
