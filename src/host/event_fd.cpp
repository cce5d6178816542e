#include "host/event_fd.h"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace ring3::host {

Result<EventFd> EventFd::create() {
    int const number = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (number < 0) return fail_errno(ExitStatus::host_lacks, "cannot create an eventfd");
    return EventFd{FileDescriptor{number}};
}

void EventFd::signal() const {
    u64 const one = 1;
    // EAGAIN means that 2^64 - 2 signals already wait: the other side will wake up without ours.
    [[maybe_unused]] auto const written = ::write(fd_.number(), &one, sizeof one);
}

bool EventFd::take() const {
    u64 count = 0;
    return ::read(fd_.number(), &count, sizeof count) == sizeof count;
}

bool EventFd::wait(std::optional<std::chrono::nanoseconds> timeout) const {
    pollfd entry{fd_.number(), POLLIN, 0};
    timespec time{};
    if (timeout) {
        auto const left = std::max<i64>(timeout->count(), 0);
        time = {left / 1'000'000'000, left % 1'000'000'000};
    }
    return ::ppoll(&entry, 1, timeout ? &time : nullptr, nullptr) > 0 && take();
}

} // namespace ring3::host
