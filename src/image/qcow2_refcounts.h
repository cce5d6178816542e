// Which host clusters of a qcow2 image are in use, and by how many: the refcount table, its blocks, and the allocation
// of clusters.
//
//     header --> refcount table --> refcount blocks    one cluster each, entries of 1 to 64 bits
//
// The order of writes (image/qcow2_mapping.h has the whole of it). A count on disk may be too high at any moment: a kill
// then leaks clusters. It may never be too low. So:
//   * allocation raises counts at once; what points to the cluster is written behind them;
//   * release_later() lowers them only when apply_releases() is called: after what pointed to the cluster is safe;
//   * a new block is safe before the table names it, a new table before the header names it.
#pragma once

#include "image/qcow2_header.h"
#include "image/qcow2_regions.h"
#include "image/qcow2_slice_cache.h"

namespace ring3::image::qcow2 {

class Refcounts {
public:
    Refcounts(Storage& storage, Header& header, Regions& regions);

    /// Reads the table. Blocks that meet other tables make the image unusable for writing: false.
    IoResult<bool> load();

    IoResult<u64> get(u64 cluster);

    struct Run {
        u64 offset{};
        u64 clusters{};
    };
    /// At most that many adjacent clusters, at least one.
    IoResult<Run> allocate(u64 most_clusters);
    /// Exactly that many adjacent ones, for a table.
    IoResult<u64> allocate_exactly(u64 clusters);
    /// Room for compressed data, which begins anywhere and goes on where the last one ended.
    IoResult<u64> allocate_bytes(u64 bytes);

    /// One reference less to each cluster of a range that nothing on disk points to.
    IoResult<void> release(u64 offset, u64 clusters);
    /// One reference less once that is safe. With a discard, the host gets the space of what becomes free.
    enum class Space : u8 { keep, discard };
    void release_later(u64 offset, u64 clusters, Space space);
    bool has_releases() const { return !releases_.empty(); }
    bool has_many_releases() const { return releases_.size() >= 65536; }
    IoResult<void> apply_releases();

    /// Blocks, then the table. Harmless at any time.
    IoResult<void> write_back();
    bool is_dirty() const { return blocks_.is_dirty() || first_dirty_ < last_dirty_; }

private:
    struct Release {
        u64 cluster{}, count{};
        Space space{};
    };

    std::unexpected<IoError> bad(std::string_view what) const;
    u64 table_entries() const { return table_.size(); }
    u64 slice_clusters() const;
    u64 entry(std::span<u8 const> slice, u64 index) const;
    void set_entry(std::span<u8> slice, u64 index, u64 count) const;
    /// Where the file has the slice that counts a cluster; 0 if there is no block for it.
    u64 slice_offset(u64 cluster) const;
    IoResult<std::span<u8>> slice(u64 offset);
    IoResult<void> change(u64 cluster, u64 clusters, int by);
    IoResult<void> check_free(u64 offset, u64 clusters) const;

    IoResult<void> add_block(u64 index);
    IoResult<u64> find_free(u64 clusters);
    IoResult<u64> allocate_at_end(u64 clusters);
    IoResult<void> grow_table(u64 least_entries);
    IoResult<void> write_new_blocks(u64 offset, u64 blocks, u64 used);
    void mark_table(u64 index);

    Storage& storage_;
    Header& header_;
    Regions& regions_;
    Geometry geometry_;
    SliceCache blocks_;
    std::vector<u64> table_;
    u64 first_dirty_{}, last_dirty_{}; // entries of the table to write
    u64 hint_{};                       // no cluster before it is free
    u64 compressed_end_{};             // where the next compressed data may go on; 0: in a new cluster
    std::vector<Release> releases_;
};

} // namespace ring3::image::qcow2
