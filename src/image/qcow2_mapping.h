// Where each guest cluster lies: the L1 table, the L2 tables, and the order in which an image's tables reach the disk.
//
//     guest offset:  | L1 index | L2 index | in the cluster |
//                         |          |
//         L1 table  [ ]--'           |              all of it in memory
//         L2 table  [ ]-------------'               slices of it in a bounded cache
//         cluster   data, compressed data, zeroes, or absent: the backing file's business
//
// The order of write_back(), each step only if there is something to write, with a sync before it:
//
//     1  refcount blocks, refcount table    counts may be too high, never too low
//     2  L2 tables                          so what they point to is counted, and its data is there
//     3  L1 table                           so the L2 tables that it points to are there
//     4  releases                           so nothing on disk points to what becomes free
//
// A kill or a power failure between any two writes leaks clusters at worst: counts that step 1 raised for entries that
// steps 2 and 3 did not write, or that step 4 did not lower.
#pragma once

#include "image/qcow2_refcounts.h"

namespace ring3::image::qcow2 {

class Mapping {
public:
    Mapping(Storage& storage, Header& header, Regions& regions, Refcounts& refcounts);

    /// Reads the L1 table. L2 tables that meet other tables make the image unusable for writing: false.
    IoResult<bool> load();

    /// Entries of adjacent guest clusters, as many as one slice holds; valid until the next call.
    class View {
    public:
        View(std::span<u8 const> bytes, u64 count) : bytes_{bytes}, count_{count} {}
        u64 count() const { return count_; }
        L2Entry operator[](u64 index) const;

    private:
        std::span<u8 const> bytes_; // empty: there is no L2 table, all are absent
        u64 count_;
    };
    /// From the cluster of that guest offset on.
    IoResult<View> look(u64 guest_offset);

    /// Makes sure that the entry can be set: that there is an L2 table and that it is this disk state's own.
    IoResult<void> prepare(u64 guest_offset);
    IoResult<void> set(u64 guest_offset, L2Entry entry);

    IoResult<void> write_back();
    bool is_dirty() const { return tables_.is_dirty() || first_dirty_ < last_dirty_; }

    /// More L1 entries, for a larger disk.
    IoResult<void> grow(u64 l1_entries);

private:
    std::unexpected<IoError> bad(std::string_view what) const;
    u64 entry_offset(u64 guest_offset) const;
    IoResult<void> check_table(u64 l1_index) const;
    IoResult<std::span<u8>> slice(u64 offset);
    IoResult<void> write_l1();
    IoResult<void> copy_table(u64 from, u64 to);
    IoResult<void> move_l1(u64 l1_entries);
    void mark_l1(u64 index);

    Storage& storage_;
    Header& header_;
    Regions& regions_;
    Refcounts& refcounts_;
    Geometry geometry_;
    SliceCache tables_;
    std::vector<L1Entry> l1_;
    u64 first_dirty_{}, last_dirty_{}; // entries of the L1 table to write
};

} // namespace ring3::image::qcow2
