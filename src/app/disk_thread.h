// DiskThread: one image and the thread that waits for it, so that the event loop never does. Work is done in its order.
#pragma once

#include "base/block.h"
#include "host/event_fd.h"
#include "image/image.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace ring3::app {

struct DiskWork {
    BlockOperation operation{};
    u64 offset{};
    u64 bytes{};
    image::Unmap unmap{image::Unmap::yes}; // of zeroes
    std::vector<iovec> memory{};           // outlives the work
    u64 ticket{};                          // whatever the caller knows it by
};

struct DiskAnswer {
    DiskWork work;
    image::IoResult<void> result{};
};

class DiskThread {
public:
    /// `answered` is signalled when take_answer() has something: whoever hears it takes all.
    DiskThread(std::unique_ptr<image::Image> image, host::EventFd const& answered);
    /// Finishes what it was given.
    ~DiskThread();
    DiskThread(DiskThread const&) = delete;

    void submit(DiskWork work);
    /// Does work at once, here, that need not wait: a read of what the host has in memory, while the thread is idle. False:
    /// submit() it.
    bool perform_now(DiskWork const& work);
    std::optional<DiskAnswer> take_answer();
    /// Waits until everything that was given is done. The answers stay to be taken.
    void drain();
    /// For whoever knows that the thread is idle (drain()).
    image::Image& image() { return *image_; }
    image::Image const& image() const { return *image_; }

private:
    void run();
    image::IoResult<void> perform(DiskWork const& work);

    std::unique_ptr<image::Image> image_;
    host::EventFd const& answered_;
    std::mutex mutex_; // guards what follows; the image is the thread's while busy_
    std::condition_variable wakes_, idle_;
    std::deque<DiskWork> work_;
    std::deque<DiskAnswer> answers_;
    bool busy_{}, ends_{};
    std::thread thread_; // from the first work on: before that, no thread lives when the monitor is forked
};

} // namespace ring3::app
