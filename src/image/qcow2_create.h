// New qcow2 images.
#pragma once

#include "image/qcow2_header.h"

namespace ring3::image::qcow2 {

struct NewImage {
    u64 size{};
    u32 version{3};
    u64 cluster_bytes{65536};
    u64 refcount_bits{16};
    bool is_lazy{};
    Compression compression{Compression::zlib};
    std::string backing_file{};
    std::string backing_format{};
};

/// Makes an empty disk of an empty file:  | header | refcount table | refcount blocks | L1 table |
Result<void> create(Storage& storage, NewImage const& wanted);

} // namespace ring3::image::qcow2
