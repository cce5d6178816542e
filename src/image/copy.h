// Whole disks copied and compared. What is known to be zero is not read, and what reads as zero is not written.
#pragma once

#include "image/image.h"

#include <functional>

namespace ring3::image {

using Progress = std::function<void(u64 done, u64 of)>;

/// What the target holds before the copy.
enum class Ground : u8 {
    zeroes,  // it is new: what is not written reads as zeroes
    backing, // it stands on the same backing file as the source: only what the source itself has is copied
    unknown,
};

struct CopyOptions {
    Ground ground{Ground::unknown};
    bool is_compressed{};   // the target must be qcow2, and new
    u64 sparse_bytes{4096}; // so many zero bytes become a hole; 0: none does
    Progress progress{};
};

/// The target is at least as large as the source.
IoResult<void> copy(Image& from, Image& to, CopyOptions const& options);

/// The offset of the first difference, if there is one. A disk that is longer must have zeroes there.
IoResult<std::optional<u64>> find_difference(Image& left, Image& right, Progress const& progress);

} // namespace ring3::image
