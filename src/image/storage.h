// Storage: where an image's bytes lie. A format sees a row of bytes that can grow, and syncs.
//
// The host's files are FileStorage (image/file_storage.h). Tests put others below a format: one that fails on request,
// one that forgets writes that were not synced, in any order.
#pragma once

#include "image/image.h"

namespace ring3::image {

class Storage {
public:
    virtual ~Storage() = default;

    /// Bytes behind the end read as zeroes.
    virtual IoResult<void> read(u64 offset, Segments segments) = 0;
    /// Reads what the host has in memory already, all of it or, perhaps after some of it, not: then false. Never waits.
    virtual bool read_cached(u64 /*offset*/, Segments /*segments*/) { return false; }
    /// A file grows if need be; the gap reads as zeroes.
    virtual IoResult<void> write(u64 offset, Segments segments) = 0;
    /// [offset, offset + bytes) reads as zeroes from now on. May make the file longer.
    virtual IoResult<void> write_zeroes(u64 offset, u64 bytes, Unmap unmap) = 0;
    /// Gives the range's space back where the host can; it then reads as zeroes or as before.
    virtual void discard(u64 offset, u64 bytes) = 0;
    /// What was written before survives a power failure.
    virtual IoResult<void> sync() = 0;
    virtual IoResult<void> truncate(u64 bytes) = 0;

    virtual u64 size() const = 0;
    /// The file's own holes: how many bytes from the offset on are of one kind. Not behind the end.
    virtual Extent extent_at(u64 offset, u64 bytes) = 0;
    /// For error messages.
    virtual std::string const& name() const = 0;

    IoResult<void> read(u64 offset, std::span<u8> bytes);
    IoResult<void> write(u64 offset, std::span<u8 const> bytes);
};

} // namespace ring3::image
