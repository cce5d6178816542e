// A raw image: the disk's bytes are the file's bytes.
//
// Models:  files and block devices of any size; the last, incomplete sector is filled up with zeroes when read, and
//          the file grows to a whole sector when it is written.
// Source:  qemu-img(1), "raw".
#pragma once

#include "image/open.h"
#include "image/storage.h"

namespace ring3::image {

class RawImage final : public Image {
public:
    /// Was the format written down, or is it a guess from the first bytes?
    enum class Origin : u8 { said, guessed };

    RawImage(std::unique_ptr<Storage> storage, OpenOptions const& options, Origin origin);
    std::string_view format() const override { return "raw"; }

protected:
    IoResult<void> do_read(u64 offset, Segments segments) override;
    bool do_read_cached(u64 offset, Segments segments) override { return storage_->read_cached(offset, segments); }
    IoResult<void> do_write(u64 offset, Segments segments) override;
    IoResult<void> do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) override;
    IoResult<void> do_discard(u64 offset, u64 bytes) override;
    IoResult<void> do_flush() override;
    IoResult<void> do_resize(u64 bytes) override;
    IoResult<Extent> do_extent_at(u64 offset, u64 bytes) override;

private:
    std::unique_ptr<Storage> storage_;
    Origin origin_;
};

} // namespace ring3::image
