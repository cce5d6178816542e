// Bytes that lie in pieces, as drivers hand them over: copied in and out, and cut.
#pragma once

#include "base/types.h"

#include <span>
#include <string_view>
#include <sys/uio.h>
#include <vector>

namespace ring3::virtio {

/// In their order they are one sequence of bytes.
using Segments = std::span<iovec const>;

u64 total_bytes(Segments segments);
/// Copies from `offset` on; answers how many bytes there were, at most out.size().
std::size_t copy_out(Segments from, u64 offset, std::span<u8> out);
/// The other way: into the segments.
std::size_t copy_in(Segments to, u64 offset, std::span<u8 const> bytes);
/// `bytes` bytes from `offset` on, or what there is of them, as pieces of the same memory.
std::vector<iovec> cut(Segments segments, u64 offset, u64 bytes);

} // namespace ring3::virtio
