// ShareThread: one shared folder and the thread that waits for its file system, so that the event loop never does. Requests
// are answered in their order.
#pragma once

#include "host/event_fd.h"
#include "p9/server.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

namespace ring3::app {

struct ShareRequest {
    std::vector<u8> bytes;
    std::size_t room{}; // for the reply
    u64 ticket{};       // whatever the caller knows it by
};

struct ShareReply {
    std::vector<u8> bytes; // none: the request cannot be answered
    u64 ticket{};
};

class ShareThread {
public:
    /// `answered` is signalled whenever take_reply() has something new.
    ShareThread(p9::Server server, host::EventFd const& answered);
    /// Finishes what it was given.
    ~ShareThread();
    ShareThread(ShareThread const&) = delete;

    void submit(ShareRequest request);
    std::optional<ShareReply> take_reply();
    /// The guest starts again: what waits is forgotten, and so are all fids.
    void reset();

private:
    struct Reset {};
    using Work = std::variant<ShareRequest, Reset>;
    void start();
    void run();
    void perform(ShareRequest const& request);

    p9::Server server_; // the thread's
    std::vector<u8> room_;
    host::EventFd const& answered_;
    std::mutex mutex_; // guards the two queues and ends_
    std::condition_variable wakes_;
    std::deque<Work> work_;
    std::deque<ShareReply> replies_;
    bool ends_{};
    std::thread thread_; // from the first request on: before that, no thread lives when the monitor is forked
};

} // namespace ring3::app
