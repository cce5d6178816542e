#include "host/file_descriptor.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace ring3::host {

void FileDescriptor::close() {
    // close(2): the descriptor is gone even when the call reports EINTR, so there is nothing to repeat.
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::string errno_text(int error) {
    char const* const text = ::strerrordesc_np(error);
    return text ? text : fmt::format("error {}", error);
}

std::unexpected<Error> fail_errno(ExitStatus status, std::string_view what) {
    int const error = errno;
    return fail(status, fmt::format("{}: {}", what, errno_text(error)));
}

Result<Pipe> create_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(ExitStatus::io, "cannot create a pipe");
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return Pipe{FileDescriptor{ends[0]}, FileDescriptor{ends[1]}};
}

} // namespace ring3::host
