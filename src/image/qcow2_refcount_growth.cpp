// Refcounts: room for tables of many clusters, and for a larger refcount table, behind everything that is counted yet.
#include "image/qcow2_refcounts.h"

#include "image/big_endian.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ring3::image::qcow2 {

namespace {

/// How many refcount blocks count themselves and that many other clusters.
u64 blocks_for(Geometry geometry, u64 clusters) {
    u64 blocks = 1;
    while (blocks * geometry.block_clusters() < blocks + clusters) ++blocks;
    return blocks;
}

} // namespace

/// New blocks, in adjacent clusters from `offset` on, that count `used` clusters from there on as used once.
IoResult<void> Refcounts::write_new_blocks(u64 offset, u64 blocks, u64 used) {
    blocks_.forget(offset, blocks * geometry_.cluster());
    for (u64 block = 0; block < blocks; ++block) {
        std::vector<u8> bytes(geometry_.cluster());
        u64 const before = block * geometry_.block_clusters();
        for (u64 n = 0; n < std::min(used - before, geometry_.block_clusters()); ++n) set_entry(bytes, n, 1);
        TRY_VOID(storage_.write(offset + block * geometry_.cluster(), std::span<u8 const>{bytes}));
    }
    return {};
}

/// Clusters in ranges that had no refcount block so far, which get one each:  | blocks | the clusters |
IoResult<u64> Refcounts::allocate_at_end(u64 clusters) {
    u64 const blocks = blocks_for(geometry_, clusters);
    auto const last = std::find_if(table_.rbegin(), table_.rend(), [](u64 block) { return block != 0; });
    u64 index = static_cast<u64>(table_.rend() - last);
    if (index + blocks > table_.size()) {
        TRY_VOID(grow_table(index + blocks + 1));
        return allocate_at_end(clusters); // the grown table lies where this was to be; now there is room
    }
    u64 const offset = index << (geometry_.block_bits() + geometry_.cluster_bits);
    TRY_VOID(check_free(offset, blocks + clusters));
    TRY_VOID(write_new_blocks(offset, blocks, blocks + clusters));
    for (u64 n = 0; n < blocks; ++n, ++index) {
        table_[index] = offset + n * geometry_.cluster();
        regions_.add_cluster(table_[index]);
        mark_table(index);
    }
    return offset + blocks * geometry_.cluster();
}

/// A larger table behind all ranges that the old one has entries for:  | blocks | table |, then the header names it.
IoResult<void> Refcounts::grow_table(u64 least_entries) {
    TRY_VOID(write_back());
    u64 const old_entries = table_.size();
    u64 const per_cluster = geometry_.cluster() / entry_bytes;
    u64 entries = std::max(least_entries, old_entries + old_entries / 2);
    u64 clusters = 0, blocks = 0;
    for (;;) {
        clusters = (entries + per_cluster - 1) / per_cluster;
        blocks = blocks_for(geometry_, clusters);
        if (old_entries + blocks <= clusters * per_cluster) break;
        entries = old_entries + blocks;
    }
    u64 const offset = old_entries << (geometry_.block_bits() + geometry_.cluster_bits);
    if (clusters << geometry_.cluster_bits > most_refcount_table_bytes) {
        return io_failure(Fault::no_space, fmt::format("{}: its refcount table cannot grow further", storage_.name()));
    }
    TRY_VOID(check_free(offset, blocks + clusters));

    auto table = table_;
    table.resize(clusters * per_cluster);
    for (u64 n = 0; n < blocks; ++n) table[old_entries + n] = offset + n * geometry_.cluster();
    u64 const table_offset = offset + blocks * geometry_.cluster();
    std::vector<u8> bytes(clusters << geometry_.cluster_bits);
    for (u64 n = 0; n < table.size(); ++n) store_be(bytes, n * entry_bytes, table[n]);
    TRY_VOID(write_new_blocks(offset, blocks, blocks + clusters));
    TRY_VOID(storage_.write(table_offset, std::span<u8 const>{bytes}));
    TRY_VOID(storage_.sync());
    std::array<u8, 12> fields{}; // offset and size stand side by side, and change in one write
    store_be(fields, 0, table_offset);
    store_be(fields, 8, static_cast<u32>(clusters));
    TRY_VOID(storage_.write(at::refcount_table_offset, std::span<u8 const>{fields}));
    TRY_VOID(storage_.sync());

    u64 const old_offset = header_.refcount_table_offset;
    u64 const old_clusters = header_.refcount_table_clusters;
    for (u64 n = 0; n < blocks; ++n) regions_.add_cluster(table[old_entries + n]);
    regions_.remove_range(old_offset);
    regions_.add_range(table_offset, bytes.size());
    table_ = std::move(table);
    header_.refcount_table_offset = table_offset;
    header_.refcount_table_clusters = static_cast<u32>(clusters);
    return release(old_offset, old_clusters);
}

} // namespace ring3::image::qcow2
