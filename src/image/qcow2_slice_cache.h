// A bounded, write-back cache of slices of tables: 4 KiB pieces of L2 tables or refcount blocks (whole clusters if these
// are smaller). A slice is what is read and written at once, so that changing one entry of a 2 MiB table costs 4 KiB.
//
// The cache decides nothing about order: dirty slices leave it by write_back() only, which Metadata calls when the
// order of qcow2 allows it. When no clean slice is left to make room, get() says so and Metadata writes back first.
#pragma once

#include "image/qcow2_entry.h"
#include "image/storage.h"

#include <list>
#include <unordered_map>
#include <vector>

namespace ring3::image::qcow2 {

class SliceCache {
public:
    SliceCache(Storage& storage, Geometry geometry, u64 most_bytes);

    u64 slice_bytes() const { return slice_bytes_; }
    /// Is a slice there, or can room be made for it without writing?
    bool has_room_for(u64 offset) const;
    /// The slice that holds the byte at that offset of the file; valid until the next call. Needs has_room_for().
    IoResult<std::span<u8>> get(u64 offset);
    /// The slice at that offset was changed.
    void mark_dirty(u64 offset);
    /// Writes the dirty slices in the order of their offsets.
    IoResult<void> write_back();
    bool is_dirty() const { return dirty_ != 0; }
    /// Forgets the slices of a range, dirty or not.
    void forget(u64 offset, u64 bytes);

private:
    struct Slice {
        u64 offset{};
        bool is_dirty{};
        std::vector<u8> bytes{};
    };
    using Slices = std::list<Slice>;

    u64 start_of(u64 offset) const { return offset & ~(slice_bytes_ - 1); }
    Slices::iterator oldest_clean();

    Storage& storage_;
    u64 slice_bytes_;
    std::size_t most_slices_;
    std::size_t dirty_{};
    Slices slices_; // the one used last is first
    std::unordered_map<u64, Slices::iterator> places_;
};

} // namespace ring3::image::qcow2
