#include "monitor/block_end.h"

#include "base/pc_addresses.h"

namespace ring3 {

BlockEnd::BlockEnd(driver::MonitorEnd& channel, DmaMemory& memory, u8 disk, DriveDescription const& drive,
                   u64 ram_bytes)
    : channel_{channel},
      memory_{memory},
      disk_{disk},
      bytes_{drive.bytes},
      read_only_{drive.is_read_only},
      ram_bytes_{ram_bytes} {}

bool BlockEnd::reaches(BlockSegment segment) const {
    return pc::ram_offset(ram_bytes_, segment.address, segment.bytes).has_value();
}

void BlockEnd::start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) {
    under_way_ = true;
    to_fill_.clear();
    if (operation == BlockOperation::read) to_fill_.assign(segments.begin(), segments.end());
    waiting_ = driver::BlockRequest{disk_, operation, ++tag_, offset, bytes, {segments.begin(), segments.end()}};
    pump();
}

void BlockEnd::pump() {
    if (waiting_ && channel_.try_send(*waiting_)) waiting_.reset();
}

void BlockEnd::done(driver::BlockDone const& answer) {
    if (!under_way_ || answer.tag != tag_) return;
    under_way_ = false;
    for (BlockSegment const& segment : to_fill_) memory_.note_written(segment.address, segment.bytes);
    to_fill_.clear();
    tell_user(answer.status);
}

} // namespace ring3
