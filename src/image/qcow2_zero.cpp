// Qcow2Image: zeroes and discards.
#include "image/qcow2_image.h"
#include "image/segments.h"

#include <algorithm>

namespace ring3::image {

using namespace qcow2;

/// Would the backing file show through if the cluster were absent?
bool Qcow2Image::needs_zero_mark(u64 offset) const {
    return backing_ && geometry_.cluster_start(offset) < backing_->size();
}

IoResult<void> Qcow2Image::do_write_zeroes(u64 offset, u64 bytes, Unmap unmap) {
    TRY_VOID(begin_change());
    // The disk's end counts as a cluster's border.
    u64 const end = offset + bytes;
    u64 const first = std::min(geometry_.clusters_for(offset) << geometry_.cluster_bits, end);
    u64 const last = end == size() ? end : std::max(geometry_.cluster_start(end), first);
    auto result = zero_part(offset, first - offset);
    if (result) result = zero_clusters(first, last, unmap);
    if (result) result = zero_part(last, end - last);
    return end_change(result);
}

/// A part of one cluster.
IoResult<void> Qcow2Image::zero_part(u64 offset, u64 bytes) {
    if (bytes == 0 || TRY(reads_as_zeroes(offset))) return {};
    std::vector<u8> zeroes(bytes);
    iovec const segment = segment_of(std::span{zeroes});
    return write_parts(offset, {&segment, 1});
}

/// Calls change(offset, entry) for each cluster that is not absent, or is but has a backing file below it.
template <class Change> IoResult<void> Qcow2Image::for_each_cluster(u64 offset, u64 end, Change&& change) {
    while (offset < end) {
        auto const entries = TRY(mapping_.look(offset));
        u64 skipped = 0;
        while (skipped < entries.count() && entries[skipped].kind() == ClusterKind::absent &&
               !needs_zero_mark(offset + (skipped << geometry_.cluster_bits))) {
            ++skipped;
        }
        if (skipped == 0) {
            L2Entry const entry = entries[0];
            TRY_VOID(check_entry(entry));
            TRY_VOID(change(offset, entry));
            skipped = 1;
        }
        offset += skipped << geometry_.cluster_bits;
        if (refcounts_.has_many_releases()) TRY_VOID(mapping_.write_back());
    }
    return {};
}

IoResult<void> Qcow2Image::zero_clusters(u64 offset, u64 end, Unmap unmap) {
    return for_each_cluster(offset, end, [&](u64 here, L2Entry old) -> IoResult<void> {
        if (old.has<L2Entry::Zero>() && old.kind() != ClusterKind::compressed) return {};
        bool const is_marked = needs_zero_mark(here);
        if (is_marked && header_.version == 2) {
            return zero_part(here, std::min(geometry_.cluster(), size() - here));
        }
        TRY_VOID(mapping_.prepare(here));
        if (unmap == Unmap::no && header_.version > 2 && old.is_own()) {
            return mapping_.set(here, {{old.raw | L2Entry::Zero::mask}});
        }
        return set_entry(here, old, is_marked ? L2Entry::all_zeroes() : L2Entry{}, Refcounts::Space::discard);
    });
}

IoResult<void> Qcow2Image::do_discard(u64 offset, u64 bytes) {
    TRY_VOID(begin_change());
    u64 const first = geometry_.clusters_for(offset) << geometry_.cluster_bits;
    u64 const end = offset + bytes == size() ? size() : geometry_.cluster_start(offset + bytes);
    return first < end ? end_change(discard_clusters(first, end)) : IoResult<void>{};
}

IoResult<void> Qcow2Image::discard_clusters(u64 offset, u64 end) {
    return for_each_cluster(offset, end, [&](u64 here, L2Entry old) -> IoResult<void> {
        if (old.kind() == ClusterKind::absent || old.kind() == ClusterKind::zeroes) return {};
        bool const is_marked = needs_zero_mark(here);
        if (is_marked && header_.version == 2) return {}; // old contents would come back; keep what is there
        TRY_VOID(mapping_.prepare(here));
        return set_entry(here, old, is_marked ? L2Entry::all_zeroes() : L2Entry{}, Refcounts::Space::discard);
    });
}

} // namespace ring3::image
