// A disk that an NBD server has: another host's, or one of a format that only qemu-nbd or nbdkit reads (vmdk, vdi, vhdx).
//
// Models:  nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH, and QEMU's spellings nbd:HOST:PORT[:exportname=NAME]
//          and nbd:unix:PATH[:exportname=NAME]; reads, writes, flush, trim, zeroes, holes (base:allocation).
// Missing: TLS; a lost connection is an I/O error and is not set up again.
// Source:  libnbd(3); the NBD protocol, doc/proto.md of NetworkBlockDevice/nbd.
#pragma once

#include "image/open.h"

#include <memory>
#include <string>

struct nbd_handle;

namespace ring3::image {

/// Does that name lead to a server?
bool is_nbd(std::string_view path);

class NbdImage final : public Image {
public:
    static Result<std::unique_ptr<Image>> open(std::string const& url, OpenOptions const& options);
    std::string_view format() const override { return "nbd"; }

protected:
    IoResult<void> do_read(u64 offset, Segments segments) override;
    IoResult<void> do_write(u64 offset, Segments segments) override;
    IoResult<void> do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) override;
    IoResult<void> do_discard(u64 offset, u64 bytes) override;
    IoResult<void> do_flush() override;
    IoResult<void> do_resize(u64 bytes) override;
    IoResult<Extent> do_extent_at(u64 offset, u64 bytes) override;

private:
    struct Close {
        void operator()(nbd_handle* handle) const;
    };
    using Handle = std::unique_ptr<nbd_handle, Close>;

    NbdImage(std::string url, Handle handle, u64 bytes, OpenOptions const& options);
    std::unexpected<IoError> failure() const;
    enum class Direction : u8 { from_server, to_server };
    IoResult<void> transfer(u64 offset, Segments segments, Direction direction);
    IoResult<void> finish(std::span<i64 const> cookies);
    IoResult<void> write_zero_bytes(u64 offset, u64 bytes);

    Handle handle_;
    bool can_flush_{}, can_trim_{}, can_zero_{}, can_tell_holes_{};
    bool is_unsafe_{};
    u64 server_bytes_{};
};

} // namespace ring3::image
