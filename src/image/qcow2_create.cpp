#include "image/qcow2_create.h"

#include "image/big_endian.h"

#include <bit>
#include <fmt/format.h>

namespace ring3::image::qcow2 {

namespace {

std::unexpected<Error> wrong(std::string text) {
    return fail(ExitStatus::usage, std::move(text));
}

Result<Header> plan_header(NewImage const& wanted) {
    Header header{.version = wanted.version, .size = round_up_to_sector(wanted.size)};
    auto& geometry = header.geometry;
    if (!std::has_single_bit(wanted.cluster_bytes) || wanted.cluster_bytes < u64{1} << least_cluster_bits ||
        wanted.cluster_bytes > u64{1} << most_cluster_bits) {
        return wrong(fmt::format("cluster_size={}: a power of two from 512 to 2M is needed", wanted.cluster_bytes));
    }
    if (!std::has_single_bit(wanted.refcount_bits) || wanted.refcount_bits > 64) {
        return wrong(fmt::format("refcount_bits={}: a power of two from 1 to 64 is needed", wanted.refcount_bits));
    }
    geometry.cluster_bits = static_cast<unsigned>(std::countr_zero(wanted.cluster_bytes));
    geometry.refcount_order = static_cast<unsigned>(std::countr_zero(wanted.refcount_bits));
    if (wanted.version == 2) {
        if (geometry.refcount_order != 4) return wrong("refcount_bits other than 16 need compat=1.1");
        if (wanted.is_lazy) return wrong("lazy_refcounts=on needs compat=1.1");
        if (wanted.compression != Compression::zlib) return wrong("compression_type other than zlib needs compat=1.1");
    }
    if (wanted.backing_file.size() > most_backing_name) {
        return wrong(fmt::format("the backing file's name is longer than {} bytes", most_backing_name));
    }
    u64 const l1_entries = geometry.l1_entries_for(header.size);
    if (l1_entries * entry_bytes > most_l1_bytes) {
        return wrong(fmt::format("a disk of {} bytes needs larger clusters than {} bytes (cluster_size=2M)",
                                 header.size, geometry.cluster()));
    }
    header.l1_entries = static_cast<u32>(l1_entries);
    header.compatible = header.compatible.with<Compatible::LazyRefcounts>(wanted.is_lazy ? 1 : 0);
    header.compression = wanted.compression;
    if (wanted.compression != Compression::zlib) {
        header.incompatible = header.incompatible.with<Incompatible::CompressionType>(1);
    }
    header.backing_file = wanted.backing_file;
    header.backing_format = wanted.backing_format;
    return header;
}

/// Where the first tables lie. They count themselves.
struct Layout {
    u64 table_clusters{}, blocks{}, l1_clusters{};
    u64 table() const { return 1; }
    u64 first_block() const { return 1 + table_clusters; }
    u64 l1() const { return first_block() + blocks; }
    u64 end() const { return l1() + l1_clusters; }
};

Layout plan_layout(Header const& header) {
    auto const& geometry = header.geometry;
    // An empty disk has an L1 table too, as QEMU wants a place for it.
    Layout layout{1, 1, geometry.clusters_for(std::max<u64>(header.l1_entries * entry_bytes, 1))};
    for (;;) {
        u64 const blocks = (layout.end() + geometry.block_clusters() - 1) / geometry.block_clusters();
        u64 const table_clusters = geometry.clusters_for(blocks * entry_bytes);
        if (blocks == layout.blocks && table_clusters == layout.table_clusters) return layout;
        layout.blocks = std::max(blocks, layout.blocks);
        layout.table_clusters = std::max(table_clusters, layout.table_clusters);
    }
}

std::vector<u8> refcount_table(Geometry geometry, Layout const& layout) {
    std::vector<u8> bytes(layout.table_clusters << geometry.cluster_bits);
    for (u64 n = 0; n < layout.blocks; ++n) {
        store_be(bytes, n * entry_bytes, (layout.first_block() + n) << geometry.cluster_bits);
    }
    return bytes;
}

/// All blocks as one row: a count of one for each cluster of the layout.
std::vector<u8> refcount_blocks(Geometry geometry, Layout const& layout) {
    std::vector<u8> bytes(layout.blocks << geometry.cluster_bits);
    unsigned const bits = geometry.refcount_bits();
    for (u64 n = 0; n < layout.end(); ++n) {
        // Of a wide count, one is in its last byte; a narrow one begins at its byte's low end.
        u64 const bit = n * bits;
        u64 const byte = bits < 8 ? bit / 8 : (bit + bits) / 8 - 1;
        bytes[byte] = static_cast<u8>(bytes[byte] | 1u << (bits < 8 ? bit % 8 : 0));
    }
    return bytes;
}

IoResult<void> write_all(Storage& storage, Header const& header, Layout const& layout, std::span<u8 const> first) {
    auto const& geometry = header.geometry;
    auto const place = [&](u64 cluster) { return cluster << geometry.cluster_bits; };
    TRY_VOID(storage.write_zeroes(place(layout.l1()), place(layout.l1_clusters), Unmap::yes));
    TRY_VOID(storage.write(place(layout.table()), std::span<u8 const>{refcount_table(geometry, layout)}));
    TRY_VOID(storage.write(place(layout.first_block()), std::span<u8 const>{refcount_blocks(geometry, layout)}));
    // The header comes last: until then this is no image at all.
    TRY_VOID(storage.sync());
    TRY_VOID(storage.write(0, first));
    return storage.sync();
}

} // namespace

Result<void> create(Storage& storage, NewImage const& wanted) {
    auto header = TRY(plan_header(wanted));
    auto const layout = plan_layout(header);
    header.refcount_table_offset = layout.table() << header.geometry.cluster_bits;
    header.refcount_table_clusters = static_cast<u32>(layout.table_clusters);
    header.l1_offset = layout.l1() << header.geometry.cluster_bits;
    auto const first = TRY(header_cluster(header));
    if (auto const written = write_all(storage, header, layout, first); !written) {
        return std::unexpected(as_error(written.error()));
    }
    return {};
}

} // namespace ring3::image::qcow2
