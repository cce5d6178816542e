// The list of internal snapshots. They are kept as they are; nothing here takes or loads one.
#pragma once

#include "image/qcow2_header.h"

namespace ring3::image::qcow2 {

struct Snapshot {
    std::string id{}, name{};
    u64 l1_offset{};
    u32 l1_entries{};
    u32 seconds{}, nanoseconds{}; // when it was taken
    u64 guest_nanoseconds{};      // how long the guest had run
    u64 state_bytes{};            // of the machine, besides the disk
};

struct SnapshotTable {
    std::vector<Snapshot> snapshots{};
    u64 bytes{}; // that the table takes
};

/// Fails with bad_image if the table is longer than any program writes.
IoResult<SnapshotTable> read_snapshots(Storage& storage, Header const& header);

} // namespace ring3::image::qcow2
