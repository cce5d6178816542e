// Work on lists of segments: parts of them, and bytes in and out.
#pragma once

#include "image/image.h"

#include <vector>

namespace ring3::image {

/// [skip, skip + bytes) of what the segments hold together, as segments of its own. The range lies within them.
std::vector<iovec> slice(Segments segments, u64 skip, u64 bytes);

/// The segments' bytes from `skip` on, as many as the other side has room for; both must have that many.
void copy_to(Segments segments, u64 skip, std::span<u8 const> bytes);
void copy_from(Segments segments, u64 skip, std::span<u8> bytes);
void fill_with_zeroes(Segments segments);

/// A segment that nothing will be written to: iovec has no const.
iovec segment_of(std::span<u8 const> bytes);
iovec segment_of(std::span<u8> bytes);

} // namespace ring3::image
