#include "image/image.h"

#include "image/segments.h"
#include "image/storage.h"

#include <fmt/format.h>

namespace ring3::image {

Error as_error(IoError error) {
    bool const is_contents = error.fault == Fault::bad_image || error.fault == Fault::not_supported;
    return {is_contents ? ExitStatus::configuration : ExitStatus::io, std::move(error.message)};
}

IoResult<void> Image::check_range(u64 offset, u64 bytes) const {
    if (offset <= size_ && bytes <= size_ - offset) return {};
    return io_failure(Fault::out_of_range,
                      fmt::format("{}: {} bytes at {} lie beyond the disk's end ({})", name_, bytes, offset, size_));
}

IoResult<void> Image::check_change(u64 offset, u64 bytes) const {
    if (is_read_only()) return io_failure(Fault::read_only, fmt::format("{}: is open for reading only", name_));
    return check_range(offset, bytes);
}

IoResult<void> Image::finish_write() {
    return is_writethrough_ ? do_flush() : IoResult<void>{};
}

IoResult<void> Image::read(u64 offset, Segments segments) {
    u64 const bytes = total_bytes(segments);
    TRY_VOID(check_range(offset, bytes));
    return bytes == 0 ? IoResult<void>{} : do_read(offset, segments);
}

IoResult<void> Image::read(u64 offset, std::span<u8> bytes) {
    iovec const segment = segment_of(bytes);
    return read(offset, Segments{&segment, 1});
}

bool Image::read_cached(u64 offset, Segments segments) {
    u64 const bytes = total_bytes(segments);
    return bytes != 0 && check_range(offset, bytes) && do_read_cached(offset, segments);
}

IoResult<void> Image::write(u64 offset, Segments segments) {
    u64 const bytes = total_bytes(segments);
    TRY_VOID(check_change(offset, bytes));
    if (bytes == 0) return {};
    TRY_VOID(do_write(offset, segments));
    return finish_write();
}

IoResult<void> Image::write(u64 offset, std::span<u8 const> bytes) {
    iovec const segment = segment_of(bytes);
    return write(offset, Segments{&segment, 1});
}

IoResult<void> Image::write_zeroes(u64 offset, u64 bytes, Unmap unmap) {
    TRY_VOID(check_change(offset, bytes));
    if (bytes == 0) return {};
    TRY_VOID(do_write_zeroes(offset, bytes, ignores_discards_ ? Unmap::no : unmap));
    return finish_write();
}

IoResult<void> Image::discard(u64 offset, u64 bytes) {
    TRY_VOID(check_change(offset, bytes));
    if (bytes == 0 || ignores_discards_) return {};
    TRY_VOID(do_discard(offset, bytes));
    return finish_write();
}

IoResult<void> Image::flush() {
    return is_read_only() ? IoResult<void>{} : do_flush();
}

IoResult<void> Image::resize(u64 bytes) {
    TRY_VOID(check_change(0, 0));
    if (bytes > u64{1} << 62)
        return io_failure(Fault::out_of_range, fmt::format("{}: {} bytes are too many", name_, bytes));
    TRY_VOID(do_resize(round_up_to_sector(bytes)));
    return finish_write();
}

IoResult<Extent> Image::extent_at(u64 offset, u64 bytes) {
    TRY_VOID(check_range(offset, bytes));
    if (bytes == 0) return Extent{};
    return do_extent_at(offset, bytes);
}

IoResult<void> Storage::read(u64 offset, std::span<u8> bytes) {
    iovec const segment = segment_of(bytes);
    return read(offset, Segments{&segment, 1});
}

IoResult<void> Storage::write(u64 offset, std::span<u8 const> bytes) {
    iovec const segment = segment_of(bytes);
    return write(offset, Segments{&segment, 1});
}

} // namespace ring3::image
