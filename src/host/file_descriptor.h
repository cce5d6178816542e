// FileDescriptor: a number of the host kernel's that closes itself.
#pragma once

#include "base/result.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ring3::host {

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) : number_{number} {}
    FileDescriptor(FileDescriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~FileDescriptor() { close(); }

    int number() const { return number_; }
    bool is_open() const { return number_ >= 0; }
    void close();

private:
    int number_{-1};
};

/// The host kernel's words for an errno value, without the thread-unsafe strerror.
std::string errno_text(int error);

/// An Error "<what>: <the reason in errno>". To be called before anything else can change errno.
std::unexpected<Error> fail_errno(ExitStatus status, std::string_view what);

/// A pipe, both ends close-on-exec; the read end does not block.
struct Pipe {
    FileDescriptor read_end, write_end;
};
Result<Pipe> create_pipe();

} // namespace ring3::host
