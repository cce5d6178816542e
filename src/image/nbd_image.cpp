#include "image/nbd_image.h"

#include "image/segments.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <libnbd.h>
#include <vector>

namespace ring3::image {

namespace {

constexpr u64 most_transfer = u64{1} << 20; // every server takes that much at once
constexpr u64 most_zeroes = u64{1} << 30;
constexpr std::size_t most_in_flight = 16;

std::string error_text() {
    char const* const text = ::nbd_get_error();
    return text ? text : "unknown error";
}

/// QEMU's older names as a URL; others as they are.
std::string as_url(std::string_view name) {
    if (!name.starts_with("nbd:") || name.starts_with("nbd://")) return std::string{name};
    name.remove_prefix(4);
    std::string_view export_name;
    if (auto const mark = name.find(":exportname="); mark != name.npos) {
        export_name = name.substr(mark + 12);
        name = name.substr(0, mark);
    }
    if (name.starts_with("unix:")) return fmt::format("nbd+unix:///{}?socket={}", export_name, name.substr(5));
    return fmt::format("nbd://{}/{}", name, export_name);
}

} // namespace

bool is_nbd(std::string_view path) {
    return path.starts_with("nbd:") || path.starts_with("nbd+unix:");
}

void NbdImage::Close::operator()(nbd_handle* handle) const {
    ::nbd_shutdown(handle, 0);
    ::nbd_close(handle);
}

NbdImage::NbdImage(std::string url, Handle handle, u64 bytes, OpenOptions const& options)
    : Image{std::move(url), options.access},
      handle_{std::move(handle)},
      is_unsafe_{options.cache == CacheMode::unsafe},
      server_bytes_{bytes} {
    can_flush_ = ::nbd_can_flush(handle_.get()) > 0;
    can_trim_ = ::nbd_can_trim(handle_.get()) > 0;
    can_zero_ = ::nbd_can_zero(handle_.get()) > 0;
    can_tell_holes_ = ::nbd_can_meta_context(handle_.get(), LIBNBD_CONTEXT_BASE_ALLOCATION) > 0;
    // Half a sector at the end cannot be written as a whole: it is left out.
    set_size(bytes & ~(sector_size - 1));
    if (options.cache == CacheMode::writethrough || options.cache == CacheMode::directsync) flush_every_write();
    if (options.discard == Discard::ignore) ignore_discards();
}

Result<std::unique_ptr<Image>> NbdImage::open(std::string const& path, OpenOptions const& options) {
    if (options.format && *options.format != Format::raw) {
        return fail(ExitStatus::configuration,
                    fmt::format("'{}': the server knows the format; only format=raw goes with NBD", path));
    }
    auto const url = as_url(path);
    Handle handle{::nbd_create()};
    if (!handle) return fail(ExitStatus::io, error_text());
    ::nbd_add_meta_context(handle.get(), LIBNBD_CONTEXT_BASE_ALLOCATION);
    if (::nbd_connect_uri(handle.get(), url.c_str()) < 0) {
        return fail(ExitStatus::io, fmt::format("cannot open '{}': {}", path, error_text()));
    }
    auto const bytes = ::nbd_get_size(handle.get());
    if (bytes < 0) return fail(ExitStatus::io, fmt::format("'{}': {}", path, error_text()));
    if (options.access == Access::read_write && ::nbd_is_read_only(handle.get()) > 0) {
        return fail(ExitStatus::io, fmt::format("'{}' is served for reading only (readonly=on)", path));
    }
    return std::unique_ptr<Image>{new NbdImage{path, std::move(handle), static_cast<u64>(bytes), options}};
}

std::unexpected<IoError> NbdImage::failure() const {
    int const error = ::nbd_get_errno();
    auto const fault = error == ENOSPC || error == EDQUOT ? Fault::no_space : Fault::io;
    return io_failure(fault, fmt::format("{}: {}", name(), error_text()));
}

/// Waits for all commands, so that nobody writes to the segments any more; the first error wins.
IoResult<void> NbdImage::finish(std::span<i64 const> cookies) {
    IoResult<void> result;
    for (i64 const cookie : cookies) {
        int state = 0;
        while ((state = ::nbd_aio_command_completed(handle_.get(), static_cast<u64>(cookie))) == 0) {
            if (::nbd_poll(handle_.get(), -1) < 0) return failure();
        }
        if (state < 0 && result) result = failure();
    }
    return result;
}

/// All segments at once, in pieces that every server takes, a few in flight.
IoResult<void> NbdImage::transfer(u64 offset, Segments segments, Direction direction) {
    std::array<i64, most_in_flight> cookies{};
    std::size_t waiting = 0;
    for (auto const& segment : segments) {
        for (u64 done = 0; done < segment.iov_len;) {
            u64 const bytes = std::min<u64>(segment.iov_len - done, most_transfer);
            auto* const place = static_cast<u8*>(segment.iov_base) + done;
            i64 const cookie = direction == Direction::to_server
                                   ? ::nbd_aio_pwrite(handle_.get(), place, bytes, offset, NBD_NULL_COMPLETION, 0)
                                   : ::nbd_aio_pread(handle_.get(), place, bytes, offset, NBD_NULL_COMPLETION, 0);
            if (cookie < 0) {
                auto const error = failure();
                static_cast<void>(finish(std::span{cookies}.first(waiting)));
                return error;
            }
            cookies[waiting++] = cookie;
            offset += bytes;
            done += bytes;
            if (waiting == cookies.size()) TRY_VOID(finish(std::span{cookies}.first(std::exchange(waiting, 0))));
        }
    }
    return finish(std::span{cookies}.first(waiting));
}

IoResult<void> NbdImage::do_read(u64 offset, Segments segments) {
    return transfer(offset, segments, Direction::from_server);
}

IoResult<void> NbdImage::do_write(u64 offset, Segments segments) {
    return transfer(offset, segments, Direction::to_server);
}

IoResult<void> NbdImage::write_zero_bytes(u64 offset, u64 bytes) {
    std::vector<u8> zeroes(std::min(bytes, most_transfer));
    for (u64 done = 0; done < bytes;) {
        u64 const count = std::min<u64>(bytes - done, zeroes.size());
        iovec const segment = segment_of(std::span{zeroes}.first(count));
        TRY_VOID(transfer(offset + done, {&segment, 1}, Direction::to_server));
        done += count;
    }
    return {};
}

IoResult<void> NbdImage::do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) {
    if (!can_zero_) return write_zero_bytes(offset, bytes);
    u32 const flags = unmap == Unmap::no ? LIBNBD_CMD_FLAG_NO_HOLE : 0;
    for (u64 done = 0; done < bytes;) {
        u64 const count = std::min(bytes - done, most_zeroes);
        if (::nbd_zero(handle_.get(), count, offset + done, flags) < 0) return failure();
        done += count;
    }
    return {};
}

IoResult<void> NbdImage::do_discard(u64 offset, u64 bytes) {
    if (!can_trim_) return {};
    for (u64 done = 0; done < bytes;) {
        u64 const count = std::min(bytes - done, most_zeroes);
        if (::nbd_trim(handle_.get(), count, offset + done, 0) < 0) return failure();
        done += count;
    }
    return {};
}

IoResult<void> NbdImage::do_flush() {
    if (is_unsafe_ || !can_flush_) return {};
    if (::nbd_flush(handle_.get(), 0) < 0) return failure();
    return {};
}

IoResult<void> NbdImage::do_resize(u64) {
    return io_failure(Fault::not_supported, fmt::format("{}: an NBD client cannot change the size", name()));
}

namespace {

/// The first of the server's answers about a range: how long, and bit 0 a hole, bit 1 zeroes.
struct FirstExtent {
    u64 bytes{};
    u32 flags{};
};

int take_extents(void* user_data, char const*, std::uint64_t, std::uint32_t* entries, std::size_t count, int*) {
    auto& first = *static_cast<FirstExtent*>(user_data);
    if (first.bytes == 0 && count >= 2) first = {entries[0], entries[1]};
    return 0;
}

} // namespace

IoResult<Extent> NbdImage::do_extent_at(u64 offset, u64 bytes) {
    Extent extent{.bytes = bytes, .file_offset = offset};
    if (!can_tell_holes_) return extent;
    FirstExtent first;
    nbd_extent_callback const callback{.callback = take_extents, .user_data = &first, .free = nullptr};
    u64 const asked = std::min(bytes, most_zeroes);
    if (::nbd_block_status(handle_.get(), asked, offset, callback, 0) < 0) return failure();
    if (first.bytes == 0) return extent;
    extent.bytes = std::min(bytes, first.bytes);
    extent.has_data = (first.flags & LIBNBD_STATE_HOLE) == 0;
    extent.is_zero = (first.flags & LIBNBD_STATE_ZERO) != 0;
    return extent;
}

} // namespace ring3::image
