// MachineWatch: a running machine's descriptors in the app's event loop.
#pragma once

#include "app/event_loop.h"
#include "app/machine.h"

#include <functional>
#include <string>

namespace ring3::app {

class MachineWatch {
public:
    /// `messages_wanted`: should a new message end the loop's sleep?
    MachineWatch(EventLoop& loop, Machine& machine, std::function<bool()> messages_wanted);
    ~MachineWatch();
    MachineWatch(MachineWatch const&) = delete;

    bool monitor_died() const { return died_; }
    /// What the monitor said on its standard error so far; the first few KiB, since it could go on for ever.
    std::string const& last_words() const { return last_words_; }
    /// The pipe may hold more than the loop had time to read.
    void read_last_words();

private:
    struct Source final : EventSource {
        int fd() const override { return number; }
        short interest() const override;
        void ready(short) override { handler(); }
        int number{-1};
        std::function<bool()> wanted;
        std::function<void()> handler;
    };
    EventLoop& loop_;
    Machine& machine_;
    Source messages_, death_, words_;
    std::string last_words_;
    bool died_{};
    bool silent_{};
};

/// How a monitor ended, in one line and its last trace records in the lines below.
std::string describe_death(std::string const& name, int wait_status, std::string const& last_words,
                           std::vector<TraceRecord> const& events);

/// Text from a monitor or guest, fit for a person's terminal: control characters but newlines and tabs become '?'.
std::string printable(std::string_view text);

} // namespace ring3::app
