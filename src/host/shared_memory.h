// SharedMemory: a memfd and its mapping, in one owner. GuestRam is one; the driver's rings lie in another.
//
// The memfd is sealed against changes of size before anybody else gets it: a monitor that could shrink the file would
// kill the app with SIGBUS at its next look into the rings.
#pragma once

#include "host/file_descriptor.h"

#include <span>
#include <string>

namespace ring3::host {

class SharedMemory {
public:
    /// `bytes` zero bytes, readable and writable, shared with children. `name` shows in /proc/PID/maps.
    static Result<SharedMemory> create(std::string const& name, u64 bytes);
    SharedMemory() = default;
    SharedMemory(SharedMemory&& other) noexcept
        : fd_{std::move(other.fd_)}, bytes_{std::exchange(other.bytes_, std::span<u8>{})} {}
    SharedMemory& operator=(SharedMemory&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~SharedMemory();

    std::span<u8> bytes() const { return bytes_; }
    int fd() const { return fd_.number(); }

private:
    SharedMemory(FileDescriptor fd, std::span<u8> bytes) : fd_{std::move(fd)}, bytes_{bytes} {}
    FileDescriptor fd_;
    std::span<u8> bytes_;
};

/// A guest's physical memory: app and monitor map the same memfd (G4: guest memory is the app's address space).
using GuestRam = SharedMemory;

} // namespace ring3::host
