#include "image/qcow2_refcounts.h"

#include "image/big_endian.h"

#include <algorithm>
#include <fmt/format.h>

namespace ring3::image::qcow2 {

namespace {

constexpr u64 cache_bytes = u64{1} << 20; // counts of 32 GiB with 64 KiB clusters

} // namespace

Refcounts::Refcounts(Storage& storage, Header& header, Regions& regions)
    : storage_{storage},
      header_{header},
      regions_{regions},
      geometry_{header.geometry},
      blocks_{storage, header.geometry, cache_bytes} {}

std::unexpected<IoError> Refcounts::bad(std::string_view what) const {
    return io_failure(Fault::bad_image, fmt::format("{}: is damaged: {}", storage_.name(), what));
}

IoResult<bool> Refcounts::load() {
    std::vector<u8> bytes(u64{header_.refcount_table_clusters} << geometry_.cluster_bits);
    TRY_VOID(storage_.read(header_.refcount_table_offset, std::span{bytes}));
    table_.resize(bytes.size() / entry_bytes);
    bool is_sound = true;
    for (u64 index = 0; index < table_.size(); ++index) {
        u64 const block = load_be<u64>(bytes, index * entry_bytes);
        if (block == 0) continue;
        bool const is_placed = geometry_.is_aligned(block) && block < storage_.size();
        if (is_placed) table_[index] = block;
        if (!is_placed || !regions_.add_cluster(block)) is_sound = false;
    }
    return is_sound;
}

// ---- single counts

u64 Refcounts::slice_clusters() const {
    return blocks_.slice_bytes() * 8 >> header_.geometry.refcount_order;
}

u64 Refcounts::entry(std::span<u8 const> slice, u64 index) const {
    switch (geometry_.refcount_order) {
    case 3: return slice[index];
    case 4: return load_be<u16>(slice, index * 2);
    case 5: return load_be<u32>(slice, index * 4);
    case 6: return load_be<u64>(slice, index * 8);
    default: {
        u64 const bit = index << geometry_.refcount_order;
        return slice[bit / 8] >> (bit % 8) & geometry_.most_references();
    }
    }
}

void Refcounts::set_entry(std::span<u8> slice, u64 index, u64 count) const {
    switch (geometry_.refcount_order) {
    case 3: slice[index] = static_cast<u8>(count); break;
    case 4: store_be(slice, index * 2, static_cast<u16>(count)); break;
    case 5: store_be(slice, index * 4, static_cast<u32>(count)); break;
    case 6: store_be(slice, index * 8, count); break;
    default: {
        u64 const bit = index << geometry_.refcount_order;
        u64 const mask = geometry_.most_references() << (bit % 8);
        slice[bit / 8] = static_cast<u8>((slice[bit / 8] & ~mask) | count << (bit % 8));
    }
    }
}

u64 Refcounts::slice_offset(u64 cluster) const {
    u64 const index = cluster >> geometry_.block_bits();
    if (index >= table_.size() || table_[index] == 0) return 0;
    u64 const in_block = (cluster & (geometry_.block_clusters() - 1)) / slice_clusters();
    return table_[index] + in_block * blocks_.slice_bytes();
}

IoResult<std::span<u8>> Refcounts::slice(u64 offset) {
    if (!blocks_.has_room_for(offset)) TRY_VOID(blocks_.write_back());
    return blocks_.get(offset);
}

IoResult<u64> Refcounts::get(u64 cluster) {
    u64 const offset = slice_offset(cluster);
    if (offset == 0) return 0;
    auto const counts = TRY(slice(offset));
    return entry(counts, cluster % slice_clusters());
}

/// Adds `by` to the counts of adjacent clusters.
IoResult<void> Refcounts::change(u64 cluster, u64 clusters, int by) {
    while (clusters != 0) {
        u64 const offset = slice_offset(cluster);
        if (offset == 0) return bad(fmt::format("cluster {} is in use and has no refcount", cluster));
        auto const counts = TRY(slice(offset));
        u64 const index = cluster % slice_clusters();
        u64 const here = std::min(clusters, slice_clusters() - index);
        for (u64 n = index; n < index + here; ++n) {
            u64 const old = entry(counts, n);
            if (by < 0 && old == 0)
                return bad(fmt::format("cluster {} is in use and its refcount is 0", cluster + n - index));
            if (by > 0 && old == geometry_.most_references()) return bad("a refcount is at its limit");
            set_entry(counts, n, by > 0 ? old + 1 : old - 1);
            blocks_.mark_dirty(offset);
        }
        cluster += here;
        clusters -= here;
    }
    return {};
}

// ---- allocation

IoResult<void> Refcounts::check_free(u64 offset, u64 clusters) const {
    u64 const bytes = clusters << geometry_.cluster_bits;
    if (offset + bytes > most_offset) {
        return io_failure(Fault::no_space, fmt::format("{}: the image is as large as qcow2 allows", storage_.name()));
    }
    if (regions_.overlaps(offset, bytes)) return bad(fmt::format("a table at {:#x} is said to be free", offset));
    return {};
}

IoResult<Refcounts::Run> Refcounts::allocate(u64 most_clusters) {
    for (u64 cluster = hint_;;) {
        u64 const offset = slice_offset(cluster);
        if (offset == 0) {
            TRY_VOID(add_block(cluster >> geometry_.block_bits()));
            continue;
        }
        auto const counts = TRY(slice(offset));
        u64 first = cluster % slice_clusters();
        while (first < slice_clusters() && entry(counts, first) != 0) ++first;
        cluster += first - cluster % slice_clusters();
        hint_ = cluster;
        if (first == slice_clusters()) continue;
        u64 last = first;
        while (last < slice_clusters() && last - first < most_clusters && entry(counts, last) == 0) ++last;
        Run const run{cluster << geometry_.cluster_bits, last - first};
        TRY_VOID(check_free(run.offset, run.clusters));
        for (u64 n = first; n < last; ++n) set_entry(counts, n, 1);
        blocks_.mark_dirty(offset);
        hint_ = cluster + run.clusters;
        return run;
    }
}

/// A block for a range of clusters that has none. None of them is in use, so the block takes the first one, and counts
/// itself.
IoResult<void> Refcounts::add_block(u64 index) {
    if (index >= table_.size()) TRY_VOID(grow_table(index + 1));
    if (table_[index] != 0) return {}; // growing the table took this range
    u64 const offset = index << (geometry_.block_bits() + geometry_.cluster_bits);
    TRY_VOID(check_free(offset, 1));
    blocks_.forget(offset, geometry_.cluster());
    TRY_VOID(storage_.write_zeroes(offset, geometry_.cluster(), Unmap::yes));
    auto const counts = TRY(slice(offset));
    set_entry(counts, 0, 1);
    blocks_.mark_dirty(offset);
    regions_.add_cluster(offset);
    table_[index] = offset;
    mark_table(index);
    return {};
}

/// The first of that many adjacent free clusters that have counts already; 0 if there are none.
IoResult<u64> Refcounts::find_free(u64 clusters) {
    u64 run = 0;
    for (u64 cluster = hint_; slice_offset(cluster) != 0;) {
        auto const counts = TRY(slice(slice_offset(cluster)));
        for (u64 n = cluster % slice_clusters(); n < slice_clusters(); ++n, ++cluster) {
            run = entry(counts, n) == 0 ? run + 1 : 0;
            if (run == clusters) return cluster + 1 - clusters;
        }
    }
    return 0;
}

IoResult<u64> Refcounts::allocate_exactly(u64 clusters) {
    u64 const cluster = TRY(find_free(clusters));
    if (cluster == 0) return allocate_at_end(clusters);
    TRY_VOID(check_free(cluster << geometry_.cluster_bits, clusters));
    TRY_VOID(change(cluster, clusters, 1));
    return cluster << geometry_.cluster_bits;
}

IoResult<u64> Refcounts::allocate_bytes(u64 bytes) {
    u64 const shared = compressed_end_ >> geometry_.cluster_bits;
    u64 const used = geometry_.in_cluster(compressed_end_);
    if (used != 0 && TRY(get(shared)) < geometry_.most_references()) {
        // What does not fit may go on in the next cluster, if that is free.
        u64 const next = shared + 1;
        bool const fits = used + bytes <= geometry_.cluster();
        if (!fits && slice_offset(next) != 0 && TRY(get(next)) == 0) {
            TRY_VOID(check_free(next << geometry_.cluster_bits, 1));
            TRY_VOID(change(shared, 2, 1));
            return std::exchange(compressed_end_, compressed_end_ + bytes);
        }
        if (fits) {
            TRY_VOID(change(shared, 1, 1));
            return std::exchange(compressed_end_, compressed_end_ + bytes);
        }
    }
    Run const run = TRY(allocate(1));
    compressed_end_ = run.offset + bytes;
    return run.offset;
}

// ---- release

IoResult<void> Refcounts::release(u64 offset, u64 clusters) {
    u64 const cluster = offset >> geometry_.cluster_bits;
    TRY_VOID(change(cluster, clusters, -1));
    hint_ = std::min(hint_, cluster);
    if (compressed_end_ > offset && compressed_end_ <= offset + (clusters << geometry_.cluster_bits))
        compressed_end_ = 0;
    return {};
}

void Refcounts::release_later(u64 offset, u64 clusters, Space space) {
    u64 const cluster = offset >> geometry_.cluster_bits;
    if (!releases_.empty()) {
        auto& last = releases_.back();
        if (last.space == space && last.cluster + last.count == cluster) {
            last.count += clusters;
            return;
        }
    }
    releases_.push_back({cluster, clusters, space});
}

IoResult<void> Refcounts::apply_releases() {
    while (!releases_.empty()) {
        auto const [cluster, count, space] = releases_.back();
        releases_.pop_back(); // before: what fails here is leaked, not tried again
        TRY_VOID(release(cluster << geometry_.cluster_bits, count));
        if (space == Space::keep) continue;
        for (u64 n = cluster; n < cluster + count;) {
            u64 end = n;
            while (end < cluster + count && TRY(get(end)) == 0) ++end;
            if (end > n) storage_.discard(n << geometry_.cluster_bits, (end - n) << geometry_.cluster_bits);
            n = end + 1;
        }
    }
    return {};
}

// ---- to disk

void Refcounts::mark_table(u64 index) {
    bool const is_clean = first_dirty_ == last_dirty_;
    first_dirty_ = is_clean ? index : std::min(first_dirty_, index);
    last_dirty_ = is_clean ? index + 1 : std::max(last_dirty_, index + 1);
}

IoResult<void> Refcounts::write_back() {
    TRY_VOID(blocks_.write_back());
    if (first_dirty_ == last_dirty_) return {};
    TRY_VOID(storage_.sync());
    std::vector<u8> bytes((last_dirty_ - first_dirty_) * entry_bytes);
    for (u64 n = 0; n < last_dirty_ - first_dirty_; ++n) store_be(bytes, n * entry_bytes, table_[first_dirty_ + n]);
    TRY_VOID(storage_.write(header_.refcount_table_offset + first_dirty_ * entry_bytes, std::span<u8 const>{bytes}));
    first_dirty_ = last_dirty_ = 0;
    return {};
}

} // namespace ring3::image::qcow2
