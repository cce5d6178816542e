#include "image/raw_image.h"

#include "image/segments.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ring3::image {

RawImage::RawImage(std::unique_ptr<Storage> storage, OpenOptions const& options, Origin origin)
    : Image{storage->name(), options.access}, storage_{std::move(storage)}, origin_{origin} {
    set_size(round_up_to_sector(storage_->size()));
    if (options.cache == CacheMode::writethrough || options.cache == CacheMode::directsync) flush_every_write();
    if (options.discard == Discard::ignore) ignore_discards();
}

IoResult<void> RawImage::do_read(u64 offset, Segments segments) {
    return storage_->read(offset, segments);
}

IoResult<void> RawImage::do_write(u64 offset, Segments segments) {
    // A guest that turned its raw disk into a qcow2 file could name any file of the host as its backing file, and
    // the next start that guesses the format would show it to the guest.
    if (origin_ == Origin::guessed && offset < magic_bytes) {
        std::array<u8, magic_bytes> start{};
        TRY_VOID(storage_->read(0, std::span<u8>{start}));
        copy_from(segments, 0, std::span{start}.subspan(offset, std::min(total_bytes(segments), magic_bytes - offset)));
        if (looks_like(start) != Format::raw) {
            return io_failure(Fault::read_only,
                              fmt::format("{}: writing another format's header into an image whose format was guessed "
                                          "is refused (say format=raw)",
                                          name()));
        }
    }
    return storage_->write(offset, segments);
}

IoResult<void> RawImage::do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) {
    return storage_->write_zeroes(offset, bytes, unmap);
}

IoResult<void> RawImage::do_discard(u64 offset, u64 bytes) {
    storage_->discard(offset, bytes);
    return {};
}

IoResult<void> RawImage::do_flush() {
    return storage_->sync();
}

IoResult<void> RawImage::do_resize(u64 bytes) {
    TRY_VOID(storage_->truncate(bytes));
    set_size(bytes);
    return {};
}

IoResult<Extent> RawImage::do_extent_at(u64 offset, u64 bytes) {
    u64 const length = storage_->size();
    if (offset >= length) return Extent{.bytes = bytes, .has_data = false, .is_zero = true};
    return storage_->extent_at(offset, std::min(bytes, length - offset));
}

} // namespace ring3::image
