// LabProcess: one machine of a lab, in an app process of its own, which knows nothing of the others. Its standard
// streams are pipes to whoever started it.
#pragma once

#include "app/lab_settings.h"
#include "app/streams.h"

#include <memory>

namespace ring3::app {

/// What becomes of a process's standard input.
enum class LabInput : u8 { typed, none };

class LabProcess final : private EventSource {
public:
    struct Hooks {
        std::function<void(std::string_view)> output, message;
        std::function<bool()> has_room; // for more of both
        std::function<void()> ended;
    };
    /// Forks. To be called before anything that a child should not inherit is in this process.
    static Result<std::unique_ptr<LabProcess>> start(EventLoop& loop, LabMachine const& machine, LabInput input,
                                                     MonitorMain const& monitor, Hooks hooks);
    /// Kills it if it still runs.
    ~LabProcess() override;

    void type(std::string_view bytes);
    void send(int signal);
    bool runs() const { return !wait_status_; }
    /// As waitpid's status; only of one that has ended.
    int wait_status() const { return wait_status_.value_or(0); }

private:
    LabProcess(EventLoop& loop, Hooks hooks) : loop_{loop}, hooks_{std::move(hooks)} {}
    int fd() const override { return pidfd_.number(); }
    short interest() const override;
    void ready(short events) override;
    void reap();
    void read_rest(int fd, std::function<void(std::string_view)> const& to);

    EventLoop& loop_;
    Hooks hooks_;
    pid_t pid_{-1};
    host::FileDescriptor pidfd_, input_fd_, output_fd_, error_fd_;
    std::unique_ptr<OutputQueue> input_;
    std::unique_ptr<InputStream> output_, errors_;
    std::optional<int> wait_status_;
};

} // namespace ring3::app
