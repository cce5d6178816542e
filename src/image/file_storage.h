// A host file or block device as Storage, with O_DIRECT on request.
#pragma once

#include "host/file_descriptor.h"
#include "image/open.h"
#include "image/storage.h"

#include <memory>

namespace ring3::image {

class FileStorage final : public Storage {
public:
    struct Options {
        Access access{Access::read_write};
        bool is_direct{};     // past the page cache; pieces that are not aligned go through a buffer
        bool ignores_syncs{}; // cache=unsafe
        Locking locking{Locking::automatic};
    };
    static Result<std::unique_ptr<FileStorage>> open(std::string const& path, Options const& options);
    /// A new, empty file; an old one of that name is emptied.
    static Result<std::unique_ptr<FileStorage>> create(std::string const& path, Options const& options);
    /// A file without a name in that directory, which is gone with this object.
    static Result<std::unique_ptr<FileStorage>> create_temporary(std::string const& directory);

    IoResult<void> read(u64 offset, Segments segments) override;
    bool read_cached(u64 offset, Segments segments) override;
    IoResult<void> write(u64 offset, Segments segments) override;
    IoResult<void> write_zeroes(u64 offset, u64 bytes, Unmap unmap) override;
    void discard(u64 offset, u64 bytes) override;
    IoResult<void> sync() override;
    IoResult<void> truncate(u64 bytes) override;
    u64 size() const override { return size_; }
    /// Space of its own on the host for a range, which still reads as before.
    IoResult<void> reserve(u64 offset, u64 bytes);
    /// Zeroes as data, not as a hole.
    IoResult<void> write_zero_bytes(u64 offset, u64 bytes);
    Extent extent_at(u64 offset, u64 bytes) override;
    std::string const& name() const override { return name_; }

    using Storage::read;
    using Storage::write;

    int descriptor() const { return file_.number(); }
    /// Two names, one file?
    struct Identity {
        u64 device{}, inode{};
        friend bool operator==(Identity, Identity) = default;
    };
    Identity identity() const { return identity_; }

private:
    FileStorage(std::string name, host::FileDescriptor file, Options const& options);
    Result<void> look();
    std::unexpected<IoError> failure(std::string_view what, int error) const;
    IoResult<void> transfer_all(u64 offset, Segments segments, bool is_write);
    IoResult<void> transfer_bounced(u64 offset, Segments segments, bool is_write);
    bool is_aligned(u64 offset, Segments segments) const;

    std::string name_;
    host::FileDescriptor file_;
    Options options_;
    Identity identity_{};
    u64 size_{};
    u64 alignment_{1}; // of offsets, lengths and memory, with O_DIRECT
    bool is_device_{};
    bool has_unsynced_{true}; // an earlier process may have left something
    int lost_{};              // errno of a sync that failed
};

} // namespace ring3::image
