// The consistency of a qcow2 image: every cluster's refcount against the references to it, and the flags that say
// "refcount one". And its repair: a refcount structure built anew behind everything else, which one write to the header
// puts in place of the old one, so that a kill leaves the one or the other.
//
// Models:  what `qemu-img check` counts: header, L1 and L2 tables, clusters, snapshots, bitmaps.
// Missing: entries that lead outside of the file or are not aligned are reported, and not repaired.
#pragma once

#include "image/qcow2_header.h"

#include <functional>
#include <unordered_map>

namespace ring3::image::qcow2 {

enum class Repair : u8 { nothing, leaks, all };

/// The figures of `qemu-img check`.
struct CheckResult {
    u64 corruptions{};
    u64 leaks{};
    u64 corruptions_fixed{};
    u64 leaks_fixed{};
    u64 total_clusters{}; // of the disk
    u64 allocated_clusters{};
    u64 fragmented_clusters{};
    u64 compressed_clusters{};
    u64 image_end{}; // behind the last cluster in use
};

struct CheckObserver {
    std::function<void(std::string_view)> problem{};  // one line each
    std::function<void(u64 done, u64 of)> progress{}; // L1 entries
};

/// Checks and, if asked, repairs; what remains is given beside what was fixed. When all is well after a whole repair, the
/// header's dirty and corrupt marks are gone.
IoResult<CheckResult> check(Storage& storage, Header& header, Repair repair, CheckObserver const& observer);

/// Sparse counters, one for each host cluster.
class ClusterCounts {
public:
    u64 get(u64 cluster) const {
        auto const chunk = chunks_.find(cluster / per_chunk);
        return chunk == chunks_.end() ? 0 : chunk->second[cluster % per_chunk];
    }
    void add(u64 cluster) { ++slot(cluster); }
    void set(u64 cluster, u64 count) { slot(cluster) = static_cast<u32>(count); }
    /// The clusters that have a counter, in chunks of adjacent ones.
    std::vector<u64> chunk_starts() const;
    static constexpr u64 per_chunk = 4096;

private:
    u32& slot(u64 cluster) {
        auto& chunk = chunks_[cluster / per_chunk];
        if (chunk.empty()) chunk.resize(per_chunk);
        return chunk[cluster % per_chunk];
    }
    std::unordered_map<u64, std::vector<u32>> chunks_;
};

/// A refcount structure for these counts, behind the cluster `end`; the header changes last.
IoResult<void> rebuild_refcounts(Storage& storage, Header& header, ClusterCounts counts, u64 end);

} // namespace ring3::image::qcow2
