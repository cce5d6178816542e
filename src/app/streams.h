// The two halves of a chardev that is a byte stream: a queue of output, and input that arrives when it is wanted.
#pragma once

#include "app/event_loop.h"

#include <functional>
#include <string>
#include <string_view>

namespace ring3::app {

/// Bytes on their way out. Writes at most what poll(2) promised to take, so descriptors need not be non-blocking: those
/// of the terminal belong to the shell too.
class OutputQueue final : public EventSource {
public:
    static constexpr std::size_t limit = 64 << 10;
    OutputQueue(EventLoop& loop, int fd, std::function<void(int error)> failed);
    ~OutputQueue() override;

    void write(std::string_view bytes) {
        if (fd_ >= 0) pending_ += bytes;
    }
    bool has_room() const { return pending_.size() < limit; }
    bool empty() const { return pending_.empty(); }
    /// Forgets what is queued and takes no more.
    void close();

    int fd() const override { return fd_; }
    short interest() const override;
    void ready(short events) override;

private:
    EventLoop& loop_;
    int fd_;
    std::string pending_;
    std::function<void(int)> failed_;
};

/// Bytes coming in.
class InputStream final : public EventSource {
public:
    struct Handler {
        std::function<bool()> wanted;
        std::function<void(std::string_view)> arrived;
        std::function<void()> ended;
    };
    InputStream(EventLoop& loop, int fd, Handler handler);
    ~InputStream() override;

    int fd() const override { return fd_; }
    short interest() const override;
    void ready(short events) override;

private:
    void end();
    EventLoop& loop_;
    int fd_;
    Handler handler_;
};

} // namespace ring3::app
