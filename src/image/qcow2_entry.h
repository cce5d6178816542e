// qcow2's two kinds of table entries, and what follows from a cluster's size.
//
// Source: QEMU's docs/interop/qcow2.txt, "Cluster mapping" and "Host cluster management".
#pragma once

#include "base/reg.h"
#include "base/types.h"

#include <algorithm>

namespace ring3::image::qcow2 {

/// All tables hold 8-byte entries.
inline constexpr u64 entry_bytes = 8;

/// An entry of the L1 table: where an L2 table lies.
struct L1Entry : Reg<L1Entry, u64> {
    using Offset = Field<55, 9>;
    using Copied = Field<63>; // the table's refcount is one: it may be changed in place
    constexpr u64 offset() const { return raw & Offset::mask; }
    static constexpr L1Entry own(u64 offset) { return {{offset | Copied::mask}}; }
};

enum class ClusterKind : u8 {
    absent,          // the backing file's business
    zeroes,          // reads as zeroes, without space
    reserved_zeroes, // reads as zeroes, has a host cluster that may hold anything
    data,
    compressed,
};

/// An entry of an L2 table: where a guest cluster lies.
struct L2Entry : Reg<L2Entry, u64> {
    using Zero = Field<0>;
    using Offset = Field<55, 9>;
    using Compressed = Field<62>;
    using Copied = Field<63>; // the cluster's refcount is one: it may be written in place
    static_assert(disjoint<Zero, Offset, Compressed, Copied>());

    constexpr u64 offset() const { return raw & Offset::mask; }
    constexpr ClusterKind kind() const {
        if (has<Compressed>()) return ClusterKind::compressed;
        if (has<Zero>()) return offset() == 0 ? ClusterKind::zeroes : ClusterKind::reserved_zeroes;
        return offset() == 0 ? ClusterKind::absent : ClusterKind::data;
    }
    /// May the cluster be written where it lies?
    constexpr bool is_own() const {
        return has<Copied>() && (kind() == ClusterKind::data || kind() == ClusterKind::reserved_zeroes);
    }
    static constexpr L2Entry own(u64 offset) { return {{offset | Copied::mask}}; }
    static constexpr L2Entry all_zeroes() { return {{Zero::mask}}; }
};

/// Where a compressed cluster's bytes lie: in sectors that it may share with its neighbours.
struct CompressedPlace {
    u64 offset{};
    u64 bytes{}; // to the last sector's end; the data may end before

    /// The host clusters that it touches, whose refcounts count it.
    u64 first_cluster(unsigned cluster_bits) const { return offset >> cluster_bits; }
    u64 last_cluster(unsigned cluster_bits) const { return (offset + bytes - 1) >> cluster_bits; }
};

/// What follows from the header's cluster_bits and refcount_order, and does not change while an image is open.
struct Geometry {
    unsigned cluster_bits{16};
    unsigned refcount_order{4};

    constexpr u64 cluster() const { return u64{1} << cluster_bits; }
    constexpr u64 in_cluster(u64 offset) const { return offset & (cluster() - 1); }
    constexpr u64 cluster_start(u64 offset) const { return offset & ~(cluster() - 1); }
    constexpr u64 clusters_for(u64 bytes) const { return (bytes >> cluster_bits) + (in_cluster(bytes) != 0 ? 1 : 0); }
    constexpr bool is_aligned(u64 offset) const { return in_cluster(offset) == 0; }

    constexpr unsigned l2_bits() const { return cluster_bits - 3; }
    constexpr u64 l2_entries() const { return u64{1} << l2_bits(); }
    constexpr u64 l1_index(u64 guest_offset) const { return guest_offset >> (cluster_bits + l2_bits()); }
    constexpr u64 l2_index(u64 guest_offset) const { return (guest_offset >> cluster_bits) & (l2_entries() - 1); }
    /// L1 entries that a disk of that size needs.
    constexpr u64 l1_entries_for(u64 bytes) const {
        u64 const per_table = cluster() << l2_bits();
        return bytes / per_table + (bytes % per_table != 0 ? 1 : 0);
    }

    constexpr unsigned refcount_bits() const { return 1u << refcount_order; }
    constexpr u64 most_references() const { return ~u64{0} >> (64 - refcount_bits()); }
    /// Clusters that one refcount block counts.
    constexpr unsigned block_bits() const { return cluster_bits + 3 - refcount_order; }
    constexpr u64 block_clusters() const { return u64{1} << block_bits(); }

    /// Descriptor of a compressed cluster: the offset has x = 62 - (cluster_bits - 8) bits, the sector count the rest.
    constexpr unsigned compressed_offset_bits() const { return 62 - (cluster_bits - 8); }
    constexpr CompressedPlace place_of(L2Entry entry) const {
        u64 const offset = entry.raw & ((u64{1} << compressed_offset_bits()) - 1);
        u64 const more = (entry.raw & (L2Entry::Compressed::mask - 1)) >> compressed_offset_bits();
        return {offset, (more + 1) * 512 - (offset & 511)};
    }
    constexpr L2Entry compressed_entry(u64 offset, u64 bytes) const {
        u64 const more = (offset + bytes - 1) / 512 - offset / 512;
        return {{offset | more << compressed_offset_bits() | L2Entry::Compressed::mask}};
    }
};

/// qcow2 offsets end here: entries have 56 bits for them.
inline constexpr u64 most_offset = u64{1} << 56;

/// QEMU's limits, so that each opens what the other made.
inline constexpr unsigned least_cluster_bits = 9, most_cluster_bits = 21;
inline constexpr u64 most_l1_bytes = u64{32} << 20;
inline constexpr u64 most_refcount_table_bytes = u64{8} << 20;
inline constexpr u64 most_snapshots = 65536;
inline constexpr u64 most_backing_name = 1023;

} // namespace ring3::image::qcow2
