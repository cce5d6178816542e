// The repair of a qcow2 image's refcounts: all of them built anew.
#include "image/qcow2_check.h"

#include "image/big_endian.h"

#include <array>
#include <fmt/format.h>
#include <set>

namespace ring3::image::qcow2 {

namespace {

/// The new structure:  | blocks | table |  in adjacent clusters from `start` on.
struct Plan {
    std::set<u64> ranges{}; // that have a block: indices into the table
    u64 start{}, table_clusters{};
    u64 end() const { return start + ranges.size() + table_clusters; }
};

/// Which ranges have counts, with those that the structure itself adds.
Plan plan(Geometry geometry, ClusterCounts const& counts, u64 start) {
    Plan result{.start = start};
    for (u64 const chunk : counts.chunk_starts()) {
        for (u64 cluster = chunk; cluster < chunk + ClusterCounts::per_chunk; ++cluster) {
            if (counts.get(cluster) != 0) result.ranges.insert(cluster >> geometry.block_bits());
        }
    }
    for (;;) {
        u64 const end = result.end();
        u64 const last = (end - 1) >> geometry.block_bits();
        for (u64 range = start >> geometry.block_bits(); range <= last; ++range) result.ranges.insert(range);
        result.table_clusters = geometry.clusters_for((*result.ranges.rbegin() + 1) * entry_bytes);
        if (result.end() == end) return result;
    }
}

void store_count(std::span<u8> block, Geometry geometry, u64 index, u64 count) {
    u64 const bit = index << geometry.refcount_order;
    switch (geometry.refcount_order) {
    case 3: block[index] = static_cast<u8>(count); break;
    case 4: store_be(block, index * 2, static_cast<u16>(count)); break;
    case 5: store_be(block, index * 4, static_cast<u32>(count)); break;
    case 6: store_be(block, index * 8, count); break;
    default: block[bit / 8] = static_cast<u8>(block[bit / 8] | count << (bit % 8)); break;
    }
}

/// The table's place and size stand side by side and change in one write.
IoResult<void> write_header(Storage& storage, Header const& header) {
    std::array<u8, 12> bytes{};
    store_be(bytes, 0, header.refcount_table_offset);
    store_be(bytes, 8, header.refcount_table_clusters);
    TRY_VOID(storage.write(at::refcount_table_offset, std::span<u8 const>{bytes}));
    return storage.sync();
}

} // namespace

IoResult<void> rebuild_refcounts(Storage& storage, Header& header, ClusterCounts counts, u64 end) {
    auto const geometry = header.geometry;
    // Behind the file's end too: what is there now must stay whole until the header changes.
    u64 const start = std::max(end, geometry.clusters_for(storage.size()));
    auto const structure = plan(geometry, counts, start);
    if (structure.table_clusters << geometry.cluster_bits > most_refcount_table_bytes) {
        return io_failure(Fault::bad_image,
                          fmt::format("{}: its clusters lie too far apart to be counted", storage.name()));
    }
    for (u64 cluster = start; cluster < structure.end(); ++cluster) counts.add(cluster);

    std::vector<u8> table(structure.table_clusters << geometry.cluster_bits);
    u64 place = start << geometry.cluster_bits;
    for (u64 const range : structure.ranges) {
        std::vector<u8> block(geometry.cluster());
        for (u64 n = 0; n < geometry.block_clusters(); ++n) {
            u64 const count = counts.get((range << geometry.block_bits()) + n);
            if (count > geometry.most_references()) {
                return io_failure(Fault::bad_image, fmt::format("{}: {} references to one cluster cannot be counted",
                                                                storage.name(), count));
            }
            if (count != 0) store_count(block, geometry, n, count);
        }
        TRY_VOID(storage.write(place, std::span<u8 const>{block}));
        store_be(table, range * entry_bytes, place);
        place += geometry.cluster();
    }
    TRY_VOID(storage.write(place, std::span<u8 const>{table}));
    TRY_VOID(storage.sync());
    header.refcount_table_offset = place;
    header.refcount_table_clusters = static_cast<u32>(structure.table_clusters);
    return write_header(storage, header);
}

} // namespace ring3::image::qcow2
