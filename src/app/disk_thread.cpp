#include "app/disk_thread.h"

#include <csignal>
#include <pthread.h>
#include <utility>

namespace ring3::app {

DiskThread::DiskThread(std::unique_ptr<image::Image> image, host::EventFd const& answered)
    : image_{std::move(image)}, answered_{answered} {}

DiskThread::~DiskThread() {
    {
        std::lock_guard const lock{mutex_};
        ends_ = true;
    }
    wakes_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void DiskThread::submit(DiskWork work) {
    {
        std::lock_guard const lock{mutex_};
        work_.push_back(std::move(work));
    }
    if (thread_.joinable()) return wakes_.notify_one();
    // Signals are for the event loop's thread; the new one inherits that none is for it.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool DiskThread::perform_now(DiskWork const& work) {
    constexpr u64 most_bytes = 256 << 10; // what the event loop has time for
    if (work.operation != BlockOperation::read || work.bytes > most_bytes) return false;
    {
        std::lock_guard const lock{mutex_};
        if (busy_ || !work_.empty()) return false;
    }
    // Only this thread gives it work: it stays idle meanwhile.
    return image_->read_cached(work.offset, work.memory);
}

std::optional<DiskAnswer> DiskThread::take_answer() {
    std::lock_guard const lock{mutex_};
    if (answers_.empty()) return std::nullopt;
    DiskAnswer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
}

void DiskThread::drain() {
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return work_.empty() && !busy_; });
}

void DiskThread::run() {
    std::unique_lock lock{mutex_};
    while (true) {
        wakes_.wait(lock, [this] { return !work_.empty() || ends_; });
        if (work_.empty()) return;
        DiskWork work = std::move(work_.front());
        work_.pop_front();
        busy_ = true;
        lock.unlock();
        auto result = perform(work);
        lock.lock();
        busy_ = false;
        answers_.push_back({std::move(work), std::move(result)});
        if (answers_.size() == 1) answered_.signal(); // else somebody has been called and did not come yet
        if (work_.empty()) idle_.notify_all();
    }
}

image::IoResult<void> DiskThread::perform(DiskWork const& work) {
    switch (work.operation) {
    case BlockOperation::read: return image_->read(work.offset, work.memory);
    case BlockOperation::write: return image_->write(work.offset, work.memory);
    case BlockOperation::flush: return image_->flush();
    case BlockOperation::discard: return image_->discard(work.offset, work.bytes);
    case BlockOperation::write_zeroes: return image_->write_zeroes(work.offset, work.bytes, work.unmap);
    }
    std::unreachable();
}

} // namespace ring3::app
