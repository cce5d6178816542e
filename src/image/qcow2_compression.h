// One compressed cluster: raw deflate with a window of 4 KiB, or zstd.
//
// Source: QEMU's docs/interop/qcow2.txt, "Compressed Clusters Descriptor"; zlib and zstd manuals.
#pragma once

#include "image/qcow2_header.h"

namespace ring3::image::qcow2 {

/// Fills all of `cluster`, or false. What follows the data in `packed` is ignored.
bool unpack(Compression kind, std::span<u8 const> packed, std::span<u8> cluster);

/// The cluster in less than its own size, or nothing if that cannot be done.
std::optional<std::vector<u8>> pack(Compression kind, std::span<u8 const> cluster);

} // namespace ring3::image::qcow2
