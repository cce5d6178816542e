// Image: a disk's contents, whatever file format or server they come from.
//
//        guest's disk      ring3 image convert
//              \               /
//               Image  read, write, flush, discard, zeroes ...      this page
//              /   |    \     \          .
//           raw  qcow2  NBD   volume                                one class each, made by open_image (image/open.h)
//             \    |                                                .
//              Storage  a host file or block device                 image/storage.h
//
// One thread at a time uses an Image; every call returns when the work is done. Data moves between the file and the
// caller's segments (pieces of guest RAM, as a rule) without a copy where format and cache mode allow it.
//
// What a completed call promises:
//     write, write_zeroes, discard   later reads see it. After a kill or a power failure it may be lost, wholly or in
//                                    part, but nothing else is: the image stays consistent.
//     flush                          everything before it survives both. (Not with cache=unsafe.)
//     cache=writethrough, directsync every write flushes.
// A call that fails may have done a part of its work. It can be repeated; the image stays consistent.
#pragma once

#include "base/result.h"
#include "base/types.h"

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <sys/uio.h>

namespace ring3::image {

/// What went wrong, as far as a device or its policy (pause on a full disk) has to tell cases apart.
enum class Fault : u8 {
    no_space,      // the host's disk or quota is full: can be repeated once there is room
    io,            // the host's file, disk or server failed
    bad_image,     // the image contradicts itself; writing to it has stopped
    read_only,     // a write to an image that was opened for reading
    out_of_range,  // beyond the disk's end
    not_supported, // this format cannot do that (resize an NBD export ...)
};

struct IoError {
    Fault fault{Fault::io};
    std::string message; // one line for a person, names the file
};

template <class T> using IoResult = std::expected<T, IoError>;

inline std::unexpected<IoError> io_failure(Fault fault, std::string message) {
    return std::unexpected(IoError{fault, std::move(message)});
}

/// The same for people who never had a device: an error of the program.
Error as_error(IoError error);

/// Pieces of this process's memory that belong together, in their order. `iovec` is what preadv(2) takes.
using Segments = std::span<iovec const>;
u64 total_bytes(Segments segments);

/// May write_zeroes give the space back to the host?
enum class Unmap : u8 { no, yes };

enum class Access : u8 { read_only, read_write };

/// What a range of the disk is made of: for `map`, and for copies that leave holes as holes.
struct Extent {
    u64 bytes{};           // from the offset that was asked for; at least 1
    bool is_present{true}; // some file of the chain says what is here; otherwise nobody does, and it is zeroes
    bool has_data{true};   // it has space of its own
    bool is_zero{};        // it is known to read as zeroes
    bool is_compressed{};
    unsigned depth{};                 // 0: in this image itself, 1: in its backing file ...
    std::optional<u64> file_offset{}; // where in that depth's file, if it lies there uncompressed
};

class Image {
public:
    virtual ~Image() = default;
    Image(Image const&) = delete;
    Image& operator=(Image const&) = delete;

    /// The disk's size in bytes: a multiple of 512, as the last sector of an odd file is filled up with zeroes.
    u64 size() const { return size_; }
    bool is_read_only() const { return access_ == Access::read_only; }
    std::string const& name() const { return name_; }

    IoResult<void> read(u64 offset, Segments segments);
    IoResult<void> read(u64 offset, std::span<u8> bytes);
    /// Reads what the host has in memory already. False: it has not, or cannot tell; read() then. Never waits.
    bool read_cached(u64 offset, Segments segments);
    IoResult<void> write(u64 offset, Segments segments);
    IoResult<void> write(u64 offset, std::span<u8 const> bytes);
    /// Reads as zeroes from now on.
    IoResult<void> write_zeroes(u64 offset, u64 bytes, Unmap unmap = Unmap::yes);
    /// The contents are needed no longer: reads give the old bytes or zeroes. Does nothing with discard=ignore.
    IoResult<void> discard(u64 offset, u64 bytes);
    IoResult<void> flush();
    /// The new size is rounded up to a multiple of 512.
    IoResult<void> resize(u64 bytes);
    /// What [offset, offset + bytes) begins with; bytes is at least 1 and the answer's not more.
    IoResult<Extent> extent_at(u64 offset, u64 bytes);

    /// The formats' names as in QEMU: "raw", "qcow2", "nbd" ...
    virtual std::string_view format() const = 0;
    /// What shines through where this image has nothing: depth 1 of its extents. Null if nothing does.
    virtual Image* backing() { return nullptr; }

protected:
    Image(std::string name, Access access) : name_{std::move(name)}, access_{access} {}

    // What a format implements. Ranges lie within the disk and are not empty, and writes only come if allowed.
    virtual IoResult<void> do_read(u64 offset, Segments segments) = 0;
    virtual bool do_read_cached(u64 /*offset*/, Segments /*segments*/) { return false; }
    virtual IoResult<void> do_write(u64 offset, Segments segments) = 0;
    virtual IoResult<void> do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) = 0;
    virtual IoResult<void> do_discard(u64 offset, u64 bytes) = 0;
    virtual IoResult<void> do_flush() = 0;
    virtual IoResult<void> do_resize(u64 bytes) = 0;
    virtual IoResult<Extent> do_extent_at(u64 offset, u64 bytes) = 0;

    void set_size(u64 bytes) { size_ = bytes; }
    void flush_every_write() { is_writethrough_ = true; }
    void ignore_discards() { ignores_discards_ = true; }

private:
    IoResult<void> check_range(u64 offset, u64 bytes) const;
    IoResult<void> check_change(u64 offset, u64 bytes) const;
    IoResult<void> finish_write();

    std::string name_;
    u64 size_{};
    Access access_;
    bool is_writethrough_{};
    bool ignores_discards_{};
};

inline constexpr u64 sector_size = 512;
constexpr u64 round_up_to_sector(u64 bytes) {
    return (bytes + sector_size - 1) & ~(sector_size - 1);
}

} // namespace ring3::image
