#include "app/share_thread.h"

#include <algorithm>
#include <csignal>
#include <pthread.h>
#include <utility>

namespace ring3::app {

ShareThread::ShareThread(p9::Server server, host::EventFd const& answered)
    : server_{std::move(server)}, answered_{answered} {}

ShareThread::~ShareThread() {
    {
        std::lock_guard const lock{mutex_};
        ends_ = true;
    }
    wakes_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void ShareThread::submit(ShareRequest request) {
    {
        std::lock_guard const lock{mutex_};
        work_.emplace_back(std::move(request));
    }
    if (thread_.joinable())
        wakes_.notify_one();
    else
        start();
}

void ShareThread::reset() {
    {
        std::lock_guard const lock{mutex_};
        work_.clear();
        replies_.clear();
        work_.emplace_back(Reset{});
    }
    wakes_.notify_one();
}

void ShareThread::start() {
    // Signals are for the event loop's thread; the new one inherits that none is for it.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::optional<ShareReply> ShareThread::take_reply() {
    std::lock_guard const lock{mutex_};
    if (replies_.empty()) return std::nullopt;
    ShareReply reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
}

void ShareThread::run() {
    std::unique_lock lock{mutex_};
    while (true) {
        wakes_.wait(lock, [this] { return !work_.empty() || ends_; });
        if (work_.empty()) return;
        Work const work = std::move(work_.front());
        work_.pop_front();
        lock.unlock();
        if (auto const* const request = std::get_if<ShareRequest>(&work))
            perform(*request);
        else
            server_.reset();
        lock.lock();
    }
}

void ShareThread::perform(ShareRequest const& request) {
    // The guest may offer more than any reply needs.
    std::size_t const room = std::min<std::size_t>(request.room, p9::most_message);
    if (room_.size() < room) room_.resize(room);
    std::size_t const length = server_.handle(request.bytes, std::span{room_}.first(room));
    ShareReply reply{{room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(length)}, request.ticket};
    std::lock_guard const lock{mutex_};
    replies_.push_back(std::move(reply));
    answered_.signal();
}

} // namespace ring3::app
