// The app's signals as events of its loop (signalfd): no code of ours runs inside a signal handler.
#pragma once

#include "app/event_loop.h"
#include "host/file_descriptor.h"

#include <csignal>
#include <functional>

namespace ring3::app {

class SignalSource final : public EventSource {
public:
    /// From now on SIGINT, SIGTERM, SIGHUP, SIGTSTP and SIGCONT arrive through `arrived`; SIGPIPE and SIGXFSZ are
    /// errors of write.
    SignalSource(EventLoop& loop, std::function<void(int)> arrived);
    ~SignalSource() override;

    int fd() const override { return fd_.number(); }
    short interest() const override;
    void ready(short events) override;

private:
    EventLoop& loop_;
    std::function<void(int)> arrived_;
    sigset_t before_;
    host::FileDescriptor fd_;
};

/// Ends the process by a signal, so that its parent sees what happened: as if it had never been caught.
void die_by(int signal);

} // namespace ring3::app
