#include "image/file_storage.h"

#include "image/file_lock.h"
#include "image/segments.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ring3::image {

namespace {

using host::FileDescriptor;

constexpr u64 bounce_bytes = u64{1} << 20;
constexpr u64 direct_alignment = 4096; // enough for every disk with 512 or 4,096 byte blocks

Fault fault_of(int error) {
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return Fault::no_space;
    case EROFS: return Fault::read_only;
    default: return Fault::io;
    }
}

int open_flags(FileStorage::Options const& options) {
    // O_NONBLOCK: a FIFO must be refused, not waited for.
    return (options.access == Access::read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK |
           (options.is_direct ? O_DIRECT : 0);
}

std::unexpected<Error> open_failure(std::string const& path, FileStorage::Options const& options, int error) {
    auto const text = fmt::format("cannot open '{}': {}", path, host::errno_text(error));
    if (options.is_direct && error == EINVAL) {
        return fail(ExitStatus::io, text + " (this file system cannot do cache=none and cache=directsync)");
    }
    bool const is_refused = error == EACCES || error == EROFS || error == EPERM;
    if (is_refused && options.access == Access::read_write) {
        return fail(ExitStatus::io, text + " (for reading and writing; read-only may be possible)");
    }
    return fail(ExitStatus::io, text);
}

/// Memory that O_DIRECT takes.
struct AlignedDelete {
    void operator()(u8* bytes) const { std::free(bytes); }
};
std::unique_ptr<u8, AlignedDelete> aligned_buffer(u64 bytes) {
    return std::unique_ptr<u8, AlignedDelete>{static_cast<u8*>(std::aligned_alloc(direct_alignment, bytes))};
}

/// One call of preadv or pwritev, again after a signal; as many bytes as it moved.
ssize_t transfer_some(int file, u64 offset, Segments segments, bool is_write) {
    int const count = static_cast<int>(std::min<std::size_t>(segments.size(), IOV_MAX));
    for (;;) {
        ssize_t const moved = is_write ? ::pwritev(file, segments.data(), count, static_cast<off_t>(offset))
                                       : ::preadv(file, segments.data(), count, static_cast<off_t>(offset));
        if (moved >= 0 || errno != EINTR) return moved;
    }
}

} // namespace

FileStorage::FileStorage(std::string name, FileDescriptor file, Options const& options)
    : name_{std::move(name)}, file_{std::move(file)}, options_{options} {
    if (options.is_direct) alignment_ = direct_alignment;
}

Result<std::unique_ptr<FileStorage>> FileStorage::open(std::string const& path, Options const& options) {
    FileDescriptor file{::open(path.c_str(), open_flags(options))};
    if (!file.is_open()) return open_failure(path, options, errno);
    std::unique_ptr<FileStorage> storage{new FileStorage{path, std::move(file), options}};
    TRY_VOID(storage->look());
    TRY_VOID(lock_file(storage->descriptor(), path, options.access, options.locking));
    return storage;
}

Result<std::unique_ptr<FileStorage>> FileStorage::create(std::string const& path, Options const& options) {
    // Locked before it is emptied: somebody may be using the file of that name.
    FileDescriptor file{::open(path.c_str(), open_flags(options) | O_CREAT, 0644)};
    if (!file.is_open()) {
        int const error = errno;
        return fail(ExitStatus::io, fmt::format("cannot create '{}': {}", path, host::errno_text(error)));
    }
    std::unique_ptr<FileStorage> storage{new FileStorage{path, std::move(file), options}};
    TRY_VOID(storage->look());
    TRY_VOID(lock_file(storage->descriptor(), path, options.access, options.locking));
    if (!storage->is_device_) {
        if (auto const emptied = storage->truncate(0); !emptied) return std::unexpected(as_error(emptied.error()));
    }
    return storage;
}

Result<std::unique_ptr<FileStorage>> FileStorage::create_temporary(std::string const& directory) {
    auto path = directory + "/ring3-snapshot-XXXXXX";
    FileDescriptor file{::mkostemp(path.data(), O_CLOEXEC)};
    if (!file.is_open()) {
        return host::fail_errno(ExitStatus::io, fmt::format("cannot create a temporary file in '{}'", directory));
    }
    ::unlink(path.c_str());
    return std::unique_ptr<FileStorage>{new FileStorage{path, std::move(file), Options{.ignores_syncs = true}}};
}

Result<void> FileStorage::look() {
    struct stat facts {};
    if (::fstat(file_.number(), &facts) < 0) return host::fail_errno(ExitStatus::io, name_);
    identity_ = {facts.st_dev, facts.st_ino};
    is_device_ = S_ISBLK(facts.st_mode);
    if (is_device_) {
        u64 bytes = 0;
        if (::ioctl(file_.number(), BLKGETSIZE64, &bytes) < 0) return host::fail_errno(ExitStatus::io, name_);
        size_ = bytes;
        return {};
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(ExitStatus::configuration, fmt::format("'{}' is neither a file nor a block device", name_));
    }
    size_ = static_cast<u64>(facts.st_size);
    return {};
}

std::unexpected<IoError> FileStorage::failure(std::string_view what, int error) const {
    return io_failure(fault_of(error), fmt::format("{}: {}: {}", name_, what, host::errno_text(error)));
}

bool FileStorage::is_aligned(u64 offset, Segments segments) const {
    u64 const mask = alignment_ - 1;
    if ((offset & mask) != 0) return false;
    return std::ranges::all_of(segments, [&](iovec const& segment) {
        return ((std::bit_cast<u64>(segment.iov_base) | segment.iov_len) & mask) == 0;
    });
}

IoResult<void> FileStorage::transfer_all(u64 offset, Segments segments, bool is_write) {
    u64 const bytes = total_bytes(segments);
    if (is_write) has_unsynced_ = true;
    std::vector<iovec> rest;
    for (u64 done = 0; done < bytes;) {
        ssize_t const moved = transfer_some(file_.number(), offset + done, segments, is_write);
        if (moved < 0) return failure(is_write ? "cannot write" : "cannot read", errno);
        if (moved == 0 && is_write) return failure("cannot write", ENOSPC);
        if (is_write && !is_device_) size_ = std::max(size_, offset + done + static_cast<u64>(moved));
        if (moved == 0) { // the file's end
            fill_with_zeroes(segments);
            return {};
        }
        done += static_cast<u64>(moved);
        if (done == bytes) break;
        rest = slice(segments, static_cast<u64>(moved), bytes - done);
        segments = rest;
    }
    return {};
}

/// What O_DIRECT does not take as it is goes through an aligned buffer, whose edges are read first if it is written.
IoResult<void> FileStorage::transfer_bounced(u64 offset, Segments segments, bool is_write) {
    auto const buffer = aligned_buffer(bounce_bytes);
    if (!buffer) return io_failure(Fault::io, fmt::format("{}: out of memory", name_));
    u64 const bytes = total_bytes(segments);
    for (u64 done = 0; done < bytes;) {
        u64 const start = (offset + done) & ~(alignment_ - 1);
        u64 const skip = offset + done - start;
        u64 const count = std::min(bytes - done, bounce_bytes - skip);
        std::span<u8> const window{buffer.get(), (skip + count + alignment_ - 1) & ~(alignment_ - 1)};
        iovec const whole = segment_of(window);
        bool const is_partial = skip != 0 || skip + count != window.size();
        if (!is_write || is_partial) TRY_VOID(transfer_all(start, {&whole, 1}, false));
        if (is_write) {
            copy_from(segments, done, window.subspan(skip, count));
            TRY_VOID(transfer_all(start, {&whole, 1}, true));
        } else {
            copy_to(segments, done, window.subspan(skip, count));
        }
        done += count;
    }
    return {};
}

IoResult<void> FileStorage::read(u64 offset, Segments segments) {
    return is_aligned(offset, segments) ? transfer_all(offset, segments, false)
                                        : transfer_bounced(offset, segments, false);
}

bool FileStorage::read_cached(u64 offset, Segments segments) {
    if (options_.is_direct || segments.size() > IOV_MAX) return false;
    ssize_t const moved = ::preadv2(file_.number(), segments.data(), static_cast<int>(segments.size()),
                                    static_cast<off_t>(offset), RWF_NOWAIT);
    return moved >= 0 && static_cast<u64>(moved) == total_bytes(segments);
}

IoResult<void> FileStorage::write(u64 offset, Segments segments) {
    u64 const end = offset + total_bytes(segments);
    if (end < offset || end > u64{INT64_MAX}) return failure("cannot write", EFBIG);
    if (is_aligned(offset, segments)) {
        TRY_VOID(transfer_all(offset, segments, true));
    } else {
        // The last block is written whole; the file is to end where it would without.
        u64 const length = std::max(size_, end);
        TRY_VOID(transfer_bounced(offset, segments, true));
        if (size_ > length) TRY_VOID(truncate(length));
    }
    return {};
}

IoResult<void> FileStorage::write_zeroes(u64 offset, u64 bytes, Unmap unmap) {
    u64 const end = offset + bytes;
    if (end < offset || end > u64{INT64_MAX}) return failure("cannot write", EFBIG);
    if (!is_device_ && offset >= size_ && unmap == Unmap::yes) return truncate(end);
    has_unsynced_ = true;
    int const mode =
        unmap == Unmap::yes ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    if (::fallocate(file_.number(), mode, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0) {
        return !is_device_ && end > size_ ? truncate(end) : IoResult<void>{};
    }
    if (errno == ENOSPC || errno == EIO) return failure("cannot write zeroes", errno);
    return write_zero_bytes(offset, bytes);
}

IoResult<void> FileStorage::write_zero_bytes(u64 offset, u64 bytes) {
    alignas(direct_alignment) static constexpr std::array<u8, 65536> zeroes{};
    for (u64 done = 0; done < bytes;) {
        u64 const count = std::min<u64>(bytes - done, zeroes.size());
        TRY_VOID(write(offset + done, std::span<u8 const>{zeroes}.first(count)));
        done += count;
    }
    return {};
}

IoResult<void> FileStorage::reserve(u64 offset, u64 bytes) {
    if (bytes == 0 || ::fallocate(file_.number(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0)
        return {};
    return failure("cannot reserve space", errno);
}

void FileStorage::discard(u64 offset, u64 bytes) {
    // What the host cannot give back stays as it is: nobody needs it.
    int const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    has_unsynced_ = true;
    static_cast<void>(::fallocate(file_.number(), mode, static_cast<off_t>(offset), static_cast<off_t>(bytes)));
}

IoResult<void> FileStorage::sync() {
    if (options_.ignores_syncs) return {};
    // After a failed sync the host's kernel takes its pages for clean: a second one would succeed with data lost.
    if (lost_ != 0) return failure("an earlier write was lost", lost_);
    if (!has_unsynced_) return {};
    if (::fdatasync(file_.number()) == 0) {
        has_unsynced_ = false;
        return {};
    }
    lost_ = errno;
    return failure("cannot flush", lost_);
}

IoResult<void> FileStorage::truncate(u64 bytes) {
    if (is_device_) {
        if (bytes <= size_) return {};
        return io_failure(Fault::not_supported, fmt::format("{}: a block device cannot grow", name_));
    }
    if (bytes > u64{INT64_MAX}) return failure("cannot grow", EFBIG);
    if (::ftruncate(file_.number(), static_cast<off_t>(bytes)) < 0) return failure("cannot change the size", errno);
    size_ = bytes;
    has_unsynced_ = true;
    return {};
}

Extent FileStorage::extent_at(u64 offset, u64 bytes) {
    Extent const all_data{.bytes = bytes, .file_offset = offset};
    if (is_device_) return all_data;
    auto const start = static_cast<off_t>(offset);
    off_t const data = ::lseek(file_.number(), start, SEEK_DATA);
    if (data < 0 && errno != ENXIO) return all_data;
    if (data != start) {
        u64 const hole = data < 0 ? bytes : static_cast<u64>(data) - offset;
        return {.bytes = std::min(bytes, hole), .has_data = false, .is_zero = true, .file_offset = offset};
    }
    off_t const hole = ::lseek(file_.number(), start, SEEK_HOLE);
    if (hole <= start) return all_data;
    return {.bytes = std::min(bytes, static_cast<u64>(hole) - offset), .file_offset = offset};
}

} // namespace ring3::image
