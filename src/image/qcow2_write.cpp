// Qcow2Image: writing. Data goes to its cluster first; then the entry is set, in memory.
#include "image/qcow2_compression.h"
#include "image/qcow2_image.h"
#include "image/segments.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::image {

using namespace qcow2;

IoResult<void> Qcow2Image::do_write(u64 offset, Segments segments) {
    TRY_VOID(begin_change());
    return end_change(write_parts(offset, segments));
}

IoResult<void> Qcow2Image::write_parts(u64 offset, Segments segments) {
    u64 const bytes = total_bytes(segments);
    for (u64 done = 0; done < bytes;) done += TRY(write_some({offset + done, bytes - done, segments, done}));
    return {};
}

/// As much as can be written alike; gives the number of bytes.
IoResult<u64> Qcow2Image::write_some(Part const& part) {
    auto const entries = TRY(mapping_.look(part.offset));
    L2Entry const entry = entries[0];
    TRY_VOID(check_entry(entry));
    if (!entry.is_own()) return write_allocating(part);
    return entry.kind() == ClusterKind::data ? write_own(part) : write_reserved(part);
}

/// May data be written there? Not over tables, and only where the file has the cluster already.
IoResult<void> Qcow2Image::check_place(u64 file_offset, u64 bytes) const {
    u64 const end = geometry_.clusters_for(storage_->size()) << geometry_.cluster_bits;
    bool const is_inside = file_offset <= end && bytes <= end - file_offset;
    if (is_inside && !regions_.overlaps(file_offset, bytes)) return {};
    return bad(fmt::format("a cluster of the disk is said to lie at {:#x}", geometry_.cluster_start(file_offset)));
}

/// Over data in clusters that are nobody else's.
IoResult<u64> Qcow2Image::write_own(Part const& part) {
    auto const entries = TRY(mapping_.look(part.offset));
    u64 const first = entries[0].offset();
    u64 bytes = bytes_to_cluster_end(part.offset);
    for (u64 n = 1; n < entries.count() && bytes < part.bytes; ++n) {
        L2Entry const expected = L2Entry::own(first + (n << geometry_.cluster_bits));
        if (!(entries[n] == expected)) break;
        bytes += geometry_.cluster();
    }
    bytes = std::min(bytes, part.bytes);
    u64 const file_offset = first + geometry_.in_cluster(part.offset);
    TRY_VOID(check_place(file_offset, bytes));
    TRY_VOID(storage_->write(file_offset, slice(part.segments, part.skip, bytes)));
    return bytes;
}

/// Into a cluster that was set aside and reads as zeroes so far.
IoResult<u64> Qcow2Image::write_reserved(Part const& part) {
    auto const entries = TRY(mapping_.look(part.offset));
    u64 const place = entries[0].offset();
    TRY_VOID(check_place(place, geometry_.cluster()));
    u64 const bytes = std::min(part.bytes, bytes_to_cluster_end(part.offset));
    TRY_VOID(write_new({part.offset, bytes, part.segments, part.skip}, {place, 1}, Ground::unknown));
    TRY_VOID(mapping_.set(part.offset, L2Entry::own(place)));
    return bytes;
}

/// Into new clusters.
IoResult<u64> Qcow2Image::write_allocating(Part const& part) {
    TRY_VOID(mapping_.prepare(part.offset));
    auto const entries = TRY(mapping_.look(part.offset));
    u64 const wanted = geometry_.clusters_for(geometry_.in_cluster(part.offset) + part.bytes);
    u64 count = 1;
    while (count < wanted && count < entries.count() && !entries[count].is_own()) ++count;

    u64 const end_of_file = storage_->size();
    auto const run = TRY(refcounts_.allocate(count));
    u64 const room = (run.clusters << geometry_.cluster_bits) - geometry_.in_cluster(part.offset);
    u64 const bytes = std::min(part.bytes, room);
    auto const ground = run.offset >= end_of_file ? Ground::zeroes : Ground::unknown;
    auto const written = write_new({part.offset, bytes, part.segments, part.skip}, run, ground);
    if (!written) {
        TRY_VOID(refcounts_.release(run.offset, run.clusters));
        return std::unexpected(written.error());
    }
    TRY_VOID(replace(part.offset, run));
    return bytes;
}

/// The part's bytes, and around them, to the clusters' borders, what the disk has there so far.
IoResult<void> Qcow2Image::write_new(Part const& part, Refcounts::Run run, Ground ground) {
    u64 const start = geometry_.cluster_start(part.offset);
    u64 const end = start + (run.clusters << geometry_.cluster_bits);
    u64 const part_end = part.offset + part.bytes;
    auto pieces = slice(part.segments, part.skip, part.bytes);
    bool const is_bare = ground == Ground::zeroes && TRY(reads_as_zeroes(start)) && TRY(reads_as_zeroes(end - 1));
    if (is_bare) return storage_->write(run.offset + part.offset - start, pieces);

    std::vector<u8> head(part.offset - start), tail(end - part_end);
    TRY_VOID(read_zero_filled(start, head));
    TRY_VOID(read_zero_filled(part_end, tail));
    if (!head.empty()) pieces.insert(pieces.begin(), segment_of(std::span{head}));
    if (!tail.empty()) pieces.push_back(segment_of(std::span{tail}));
    return storage_->write(run.offset, pieces);
}

/// Does the guest cluster at that offset read as zeroes, by its entry?
IoResult<bool> Qcow2Image::reads_as_zeroes(u64 offset) {
    if (offset >= size()) offset = size() - 1;
    auto const entries = TRY(mapping_.look(offset));
    switch (entries[0].kind()) {
    case ClusterKind::absent: return !needs_zero_mark(offset);
    case ClusterKind::zeroes:
    case ClusterKind::reserved_zeroes: return true;
    case ClusterKind::data:
    case ClusterKind::compressed: break;
    }
    return false;
}

/// Enters new clusters for those that were there.
IoResult<void> Qcow2Image::replace(u64 offset, Refcounts::Run run) {
    for (u64 n = 0; n < run.clusters; ++n) {
        u64 const here = geometry_.cluster_start(offset) + (n << geometry_.cluster_bits);
        auto const entries = TRY(mapping_.look(here));
        L2Entry const entry = L2Entry::own(run.offset + (n << geometry_.cluster_bits));
        TRY_VOID(set_entry(here, entries[0], entry, Refcounts::Space::keep));
    }
    return {};
}

/// The new entry, and one reference less to what the old one names. The L2 table is prepared.
IoResult<void> Qcow2Image::set_entry(u64 offset, L2Entry old, L2Entry entry, Refcounts::Space space) {
    TRY_VOID(mapping_.set(offset, entry));
    if (old.kind() == ClusterKind::compressed) {
        unpacked_from_ = 0; // its place may hold other data soon, under the same entry
        auto const place = geometry_.place_of(old);
        u64 const first = place.first_cluster(geometry_.cluster_bits);
        u64 const clusters = place.last_cluster(geometry_.cluster_bits) - first + 1;
        refcounts_.release_later(first << geometry_.cluster_bits, clusters, space);
    } else if (old.offset() != 0 && old.offset() != entry.offset()) {
        refcounts_.release_later(old.offset(), 1, space);
    }
    return {};
}

IoResult<void> Qcow2Image::preallocate() {
    TRY_VOID(begin_change());
    u64 end_of_use = 0;
    for (u64 offset = 0; offset < size();) {
        TRY_VOID(mapping_.prepare(offset));
        auto const entries = TRY(mapping_.look(offset));
        u64 const wanted = std::min(entries.count(), geometry_.clusters_for(size() - offset));
        auto const run = TRY(refcounts_.allocate(wanted));
        TRY_VOID(replace(offset, run));
        offset += run.clusters << geometry_.cluster_bits;
        end_of_use = std::max(end_of_use, run.offset + (run.clusters << geometry_.cluster_bits));
    }
    // All clusters lie within the file, as holes.
    return storage_->size() < end_of_use ? storage_->truncate(end_of_use) : IoResult<void>{};
}

IoResult<void> Qcow2Image::write_compressed(u64 offset, std::span<u8 const> cluster) {
    auto const packed = pack(header_.compression, cluster);
    if (!packed) return write(offset, cluster.first(std::min<u64>(cluster.size(), size() - offset)));
    TRY_VOID(begin_change());
    TRY_VOID(mapping_.prepare(offset));
    u64 const place = TRY(refcounts_.allocate_bytes(packed->size()));
    if ((place + packed->size()) >> geometry_.compressed_offset_bits() != 0) {
        return io_failure(Fault::no_space, fmt::format("{}: too large for compressed clusters", name()));
    }
    TRY_VOID(storage_->write(place, std::span<u8 const>{*packed}));
    auto const entries = TRY(mapping_.look(offset));
    return set_entry(offset, entries[0], geometry_.compressed_entry(place, packed->size()), Refcounts::Space::keep);
}

} // namespace ring3::image
