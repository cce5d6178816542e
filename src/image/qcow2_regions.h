// Where an open image's tables lie, so that no data is written over them whatever a broken or hostile image says.
#pragma once

#include "image/qcow2_entry.h"

#include <unordered_set>
#include <vector>

namespace ring3::image::qcow2 {

class Regions {
public:
    explicit Regions(Geometry geometry) : geometry_{geometry} {}

    /// A table of several clusters (header, L1, refcount table, snapshots); false if it meets another one.
    bool add_range(u64 offset, u64 bytes);
    void remove_range(u64 offset);
    /// A table of one cluster (L2 table, refcount block); false if it meets another one.
    bool add_cluster(u64 offset);
    void remove_cluster(u64 offset) { clusters_.erase(offset); }

    /// Is a part of the whole clusters in that range a table?
    bool overlaps(u64 offset, u64 bytes) const;

private:
    struct Range {
        u64 offset{}, end{};
    };
    bool overlaps_range(u64 offset, u64 end) const;

    Geometry geometry_;
    std::vector<Range> ranges_;
    std::unordered_set<u64> clusters_;
};

} // namespace ring3::image::qcow2
