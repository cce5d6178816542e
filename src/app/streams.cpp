#include "app/streams.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <unistd.h>

namespace ring3::app {

OutputQueue::OutputQueue(EventLoop& loop, int fd, std::function<void(int)> failed)
    : loop_{loop}, fd_{fd}, failed_{std::move(failed)} {
    loop_.add(*this);
}

OutputQueue::~OutputQueue() {
    loop_.remove(*this);
}

void OutputQueue::close() {
    fd_ = -1;
    pending_.clear();
}

short OutputQueue::interest() const {
    return pending_.empty() ? short{0} : short{POLLOUT};
}

void OutputQueue::ready(short) {
    // POLLOUT on a pipe promises room for PIPE_BUF bytes (pipe(7)); a terminal takes about as much.
    constexpr std::size_t piece = 4096;
    auto const written = ::write(fd_, pending_.data(), std::min(pending_.size(), piece));
    if (written >= 0) {
        pending_.erase(0, static_cast<std::size_t>(written));
    } else if (int const error = errno; error != EAGAIN && error != EINTR) {
        close();
        failed_(error);
    }
}

InputStream::InputStream(EventLoop& loop, int fd, Handler handler)
    : loop_{loop}, fd_{fd}, handler_{std::move(handler)} {
    loop_.add(*this);
}

InputStream::~InputStream() {
    loop_.remove(*this);
}

short InputStream::interest() const {
    return handler_.wanted() ? short{POLLIN} : short{0};
}

void InputStream::ready(short) {
    std::array<char, 4096> buffer;
    auto const count = ::read(fd_, buffer.data(), buffer.size());
    if (count > 0)
        handler_.arrived({buffer.data(), static_cast<std::size_t>(count)});
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        end(); // EIO, the answer of a terminal that has gone, is an end too
}

void InputStream::end() {
    fd_ = -1;
    handler_.ended();
}

} // namespace ring3::app
