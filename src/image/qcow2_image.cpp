#include "image/qcow2_image.h"

#include "image/big_endian.h"
#include "image/qcow2_check.h"
#include "image/segments.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ring3::image {

using namespace qcow2;

namespace {

std::unexpected<Error> unusable(std::string const& name, std::string_view what) {
    return fail(ExitStatus::configuration, fmt::format("'{}' {}", name, what));
}

} // namespace

Qcow2Image::Qcow2Image(std::unique_ptr<Storage> storage, OpenOptions const& options, Header header,
                       std::unique_ptr<Image> backing)
    : Image{storage->name(), options.access},
      storage_{std::move(storage)},
      header_{std::move(header)},
      geometry_{header_.geometry},
      backing_{std::move(backing)},
      regions_{geometry_},
      refcounts_{*storage_, header_, regions_},
      mapping_{*storage_, header_, regions_, refcounts_} {
    set_size(round_up_to_sector(header_.size));
    if (options.cache == CacheMode::writethrough || options.cache == CacheMode::directsync) flush_every_write();
    if (options.discard == Discard::ignore) ignore_discards();
}

Qcow2Image::~Qcow2Image() {
    if (is_read_only() || is_broken_) return;
    // What cannot be written now is lost as by a kill: whoever minds has called flush().
    if (mapping_.write_back()) static_cast<void>(refcounts_.write_back());
}

Result<std::unique_ptr<Qcow2Image>> Qcow2Image::open(std::unique_ptr<Storage> storage, OpenOptions const& options,
                                                     Header header, std::unique_ptr<Image> backing) {
    std::unique_ptr<Qcow2Image> image{
        new Qcow2Image{std::move(storage), options, std::move(header), std::move(backing)}};
    auto const loaded = image->load();
    if (!loaded) {
        image->is_broken_ = true; // nothing to write back
        return std::unexpected(loaded.error());
    }
    return image;
}

/// Dirty: the program that wrote last was ended before it had written all refcounts.
Result<void> Qcow2Image::repair_dirty() {
    auto const checked = check(*storage_, header_, Repair::all, {});
    if (!checked) return std::unexpected(as_error(checked.error()));
    if (checked->corruptions == 0) return {};
    return unusable(name(), "was not closed and has errors that cannot be repaired; it can be read");
}

Result<void> Qcow2Image::load() {
    bool const is_dirty = header_.incompatible.has<Incompatible::Dirty>();
    if (header_.incompatible.has<Incompatible::Corrupt>() && !is_read_only()) {
        return unusable(name(), "is marked as corrupt; it can be read, and repaired by 'ring3 image check -r all'");
    }
    if (is_dirty && !is_read_only()) TRY_VOID(repair_dirty());
    bool is_sound = regions_.add_range(0, geometry_.cluster());
    if (header_.l1_entries != 0) is_sound &= regions_.add_range(header_.l1_offset, header_.l1_entries * entry_bytes);
    is_sound &= regions_.add_range(header_.refcount_table_offset,
                                   u64{header_.refcount_table_clusters} << geometry_.cluster_bits);
    if (header_.snapshots != 0) is_sound &= regions_.add_range(header_.snapshots_offset, 1);
    auto const mapping = mapping_.load();
    if (!mapping) return std::unexpected(as_error(mapping.error()));
    if (is_read_only()) return {};

    auto const refcounts = refcounts_.load();
    if (!refcounts) return std::unexpected(as_error(refcounts.error()));
    if (!is_sound || !*mapping || !*refcounts) {
        return unusable(name(), "has tables that overlap or lie outside of the file; it can only be read");
    }
    return {};
}

std::unexpected<IoError> Qcow2Image::bad(std::string_view what) const {
    return io_failure(Fault::bad_image, fmt::format("{}: is damaged: {}", name(), what));
}

IoResult<void> Qcow2Image::check_entry(L2Entry entry) const {
    auto const kind = entry.kind();
    if (kind == ClusterKind::absent || kind == ClusterKind::compressed) return {};
    if (entry.has<L2Entry::Zero>() && header_.version == 2) return bad("a zero cluster in a version 2 image");
    if (!geometry_.is_aligned(entry.offset())) return bad(fmt::format("a cluster at {:#x}", entry.offset()));
    return {};
}

u64 Qcow2Image::bytes_to_cluster_end(u64 offset) const {
    return geometry_.cluster() - geometry_.in_cluster(offset);
}

// ---- changes as a whole

IoResult<void> Qcow2Image::begin_change() {
    if (is_broken_) return bad("writing has stopped");
    if (header_.autoclear.raw == 0) return {};
    std::array<u8, 8> const none{};
    TRY_VOID(storage_->write(at::autoclear, std::span<u8 const>{none}));
    TRY_VOID(storage_->sync());
    header_.autoclear = {};
    return {};
}

IoResult<void> Qcow2Image::end_change(IoResult<void> result) {
    if (result && refcounts_.has_many_releases()) result = mapping_.write_back();
    if (result || result.error().fault != Fault::bad_image || is_broken_) return result;
    is_broken_ = true;
    if (header_.version < 3) return result;
    header_.incompatible = header_.incompatible.with<Incompatible::Corrupt>(1);
    std::array<u8, 8> bytes{};
    store_be(bytes, 0, header_.incompatible.raw);
    static_cast<void>(storage_->write(at::incompatible, std::span<u8 const>{bytes}));
    return result;
}

IoResult<void> Qcow2Image::do_flush() {
    if (is_broken_) return bad("writing has stopped");
    if (auto const written = end_change(mapping_.write_back()); !written) return written;
    TRY_VOID(storage_->sync());
    // Counts that were lowered just now: early or late, it only matters to leaks.
    return refcounts_.write_back();
}

IoResult<void> Qcow2Image::do_resize(u64 bytes) {
    TRY_VOID(begin_change());
    u64 const old = size();
    if (bytes < old) {
        u64 const first = geometry_.clusters_for(bytes) << geometry_.cluster_bits;
        if (first < old) TRY_VOID(end_change(discard_clusters(first, old)));
    } else {
        TRY_VOID(end_change(mapping_.grow(geometry_.l1_entries_for(bytes))));
        set_size(bytes);
        // What once lay behind the end, here or in a longer backing file, must not come back.
        u64 const seen = std::max(old + bytes_to_cluster_end(old), backing_ ? backing_->size() : 0);
        if (auto const zeroed = do_write_zeroes(old, std::min(seen, bytes) - old, Unmap::yes); !zeroed) {
            set_size(old);
            return zeroed;
        }
    }
    TRY_VOID(do_flush());
    std::array<u8, 8> field{};
    store_be(field, 0, bytes);
    TRY_VOID(storage_->write(at::size, std::span<u8 const>{field}));
    TRY_VOID(storage_->sync());
    header_.size = bytes;
    set_size(bytes);
    return {};
}

// ---- what is where

IoResult<Qcow2Image::Run> Qcow2Image::find_run(u64 offset, u64 bytes) {
    auto const entries = TRY(mapping_.look(offset));
    L2Entry const first = entries[0];
    TRY_VOID(check_entry(first));
    Run run{.kind = first.kind(), .bytes = bytes_to_cluster_end(offset)};
    bool const has_place = run.kind == ClusterKind::data || run.kind == ClusterKind::reserved_zeroes;
    if (has_place) run.file_offset = first.offset() + geometry_.in_cluster(offset);
    for (u64 n = 1; n < entries.count() && run.bytes < bytes; ++n) {
        L2Entry const next = entries[n];
        if (next.kind() != run.kind || run.kind == ClusterKind::compressed) break;
        if (has_place && next.offset() != first.offset() + (n << geometry_.cluster_bits)) break;
        run.bytes += geometry_.cluster();
    }
    run.bytes = std::min(run.bytes, bytes);
    return run;
}

IoResult<Extent> Qcow2Image::do_extent_at(u64 offset, u64 bytes) {
    Run run = TRY(find_run(offset, bytes));
    while (run.bytes < bytes) { // a run ends with its slice of the table, an extent does not
        Run const next = TRY(find_run(offset + run.bytes, bytes - run.bytes));
        bool const is_joined = run.file_offset == 0 || next.file_offset == run.file_offset + run.bytes;
        if (next.kind != run.kind || !is_joined) break;
        run.bytes += next.bytes;
    }
    switch (run.kind) {
    case ClusterKind::data: return data_extent(run);
    case ClusterKind::compressed: return Extent{.bytes = run.bytes, .is_compressed = true};
    case ClusterKind::zeroes: return Extent{.bytes = run.bytes, .has_data = false, .is_zero = true};
    case ClusterKind::reserved_zeroes:
        return Extent{.bytes = run.bytes, .has_data = false, .is_zero = true, .file_offset = run.file_offset};
    case ClusterKind::absent: break;
    }
    if (!backing_ || offset >= backing_->size()) {
        return Extent{.bytes = run.bytes, .is_present = false, .has_data = false, .is_zero = true};
    }
    auto below = TRY(backing_->extent_at(offset, std::min(run.bytes, backing_->size() - offset)));
    ++below.depth;
    return below;
}

/// Clusters of the image may be holes of its file.
Extent Qcow2Image::data_extent(Run const& run) {
    u64 const length = storage_->size();
    u64 const there = run.file_offset < length ? std::min(run.bytes, length - run.file_offset) : 0;
    if (there == 0) return {.bytes = run.bytes, .is_zero = true, .file_offset = run.file_offset};
    auto extent = storage_->extent_at(run.file_offset, there);
    extent.has_data = true;
    return extent;
}

} // namespace ring3::image
