#include "net/backend.h"

#include "net/segmentation.h"

namespace ring3::net {

void Backend::send(Frame frame) {
    if (!is_frame_length(frame.bytes.size())) return;
    if (frame.segment == 0 || takes_long_segments()) return put(frame);
    cut_segment(frame, [this](std::span<u8 const> piece) { put({piece}); });
}

} // namespace ring3::net
