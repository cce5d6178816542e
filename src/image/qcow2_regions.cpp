#include "image/qcow2_regions.h"

#include <algorithm>

namespace ring3::image::qcow2 {

bool Regions::overlaps_range(u64 offset, u64 end) const {
    return std::ranges::any_of(ranges_, [=](Range const& range) { return offset < range.end && range.offset < end; });
}

bool Regions::add_range(u64 offset, u64 bytes) {
    u64 const end = offset + (geometry_.clusters_for(bytes) << geometry_.cluster_bits);
    bool const is_free = !overlaps(offset, end - offset);
    ranges_.push_back({offset, end});
    return is_free;
}

void Regions::remove_range(u64 offset) {
    std::erase_if(ranges_, [=](Range const& range) { return range.offset == offset; });
}

bool Regions::add_cluster(u64 offset) {
    bool const is_free = !overlaps_range(offset, offset + geometry_.cluster());
    return clusters_.insert(offset).second && is_free;
}

bool Regions::overlaps(u64 offset, u64 bytes) const {
    u64 const start = geometry_.cluster_start(offset);
    if (overlaps_range(start, offset + bytes)) return true;
    u64 const count = geometry_.clusters_for(offset + bytes - start);
    if (count > clusters_.size()) { // a long range: the tables are fewer
        return std::ranges::any_of(clusters_, [=](u64 table) { return table >= start && table < offset + bytes; });
    }
    for (u64 n = 0; n < count; ++n) {
        if (clusters_.contains(start + (n << geometry_.cluster_bits))) return true;
    }
    return false;
}

} // namespace ring3::image::qcow2
