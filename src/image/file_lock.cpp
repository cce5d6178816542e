#include "image/file_lock.h"

#include "host/file_descriptor.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>

namespace ring3::image {

namespace {

constexpr off_t used = 100;
constexpr off_t unbearable = 200;

constexpr unsigned read_bit = 1u << 0;
constexpr unsigned write_bit = 1u << 1;
constexpr unsigned resize_bit = 1u << 3;
constexpr unsigned permissions = 4;

struct flock byte_lock(off_t byte, short kind) {
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
}

/// Does another open file hold a lock on the byte?
bool is_held_elsewhere(int file, off_t byte) {
    auto lock = byte_lock(byte, F_WRLCK);
    return ::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/// Locks base + n for each bit n; false with errno if the host refuses.
bool hold(int file, off_t base, unsigned bits) {
    for (unsigned n = 0; n < permissions; ++n) {
        auto lock = byte_lock(base + static_cast<off_t>(n), F_RDLCK);
        if ((bits >> n & 1) != 0 && ::fcntl(file, F_OFD_SETLK, &lock) < 0) return false;
    }
    return true;
}

bool is_any_held(int file, off_t base, unsigned bits) {
    for (unsigned n = 0; n < permissions; ++n) {
        if ((bits >> n & 1) != 0 && is_held_elsewhere(file, base + static_cast<off_t>(n))) return true;
    }
    return false;
}

} // namespace

Result<void> lock_file(int file, std::string const& path, Access access, Locking locking) {
    if (locking == Locking::off) return {};
    unsigned const uses = access == Access::read_only ? read_bit : read_bit | write_bit | resize_bit;
    unsigned const bears_not = write_bit | resize_bit;
    if (!hold(file, used, uses) || !hold(file, unbearable, bears_not)) {
        int const error = errno;
        if (locking == Locking::automatic && error != EAGAIN && error != EACCES)
            return {}; // no locks on this file system
        return fail(ExitStatus::io, fmt::format("cannot lock '{}': {}", path, host::errno_text(error)));
    }
    // First hold, then look: of two that come at once, at least one sees the other.
    if (is_any_held(file, unbearable, uses) || is_any_held(file, used, bears_not)) {
        return fail(ExitStatus::io, fmt::format("'{}' is in use by another process{}", path,
                                                access == Access::read_only ? " that writes to it" : ""));
    }
    return {};
}

} // namespace ring3::image
