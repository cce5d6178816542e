// The cable between a drive and its medium: what a drive's front end asks for, and who hears that it was done. The
// monitor implements it over the driver; tests implement it with an array.
#pragma once

#include "base/block.h"

#include <span>

namespace ring3 {

/// Who asked.
class BlockUser {
public:
    virtual ~BlockUser() = default;
    /// Never called from within start().
    virtual void block_done(BlockStatus status) = 0;
};

class BlockPort {
public:
    virtual ~BlockPort() = default;
    /// The medium's size; 0: there is none.
    virtual u64 bytes() const = 0;
    virtual bool is_read_only() const = 0;
    /// What requests without segments fill and empty; disk_buffer_bytes long.
    virtual std::span<u8> buffer() = 0;

    /// Can a request move these bytes of guest RAM? Everything else is no memory to a disk.
    virtual bool reaches(BlockSegment segment) const = 0;

    /// One request at a time: the next one after block_done(). The segments add up to `bytes` and can be reached; none:
    /// the buffer's first `bytes`.
    virtual void start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) = 0;
    virtual bool is_busy() const = 0;

    void set_user(BlockUser* user) { user_ = user; }

protected:
    void tell_user(BlockStatus status) {
        if (user_) user_->block_done(status);
    }

private:
    BlockUser* user_{};
};

} // namespace ring3
