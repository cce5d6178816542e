// The far end of a drive's cable, inside the monitor: requests leave for the app, and its answers come back.
#pragma once

#include "driver/channel.h"
#include "driver/machine_config.h"
#include "monitor/devices/bus/block.h"
#include "monitor/devices/bus/dma.h"

#include <optional>
#include <vector>

namespace ring3 {

class BlockEnd final : public BlockPort {
public:
    /// `disk` is the drive's place in the configuration's list; `ram` is how much there is below and above 4 GiB.
    BlockEnd(driver::MonitorEnd& channel, DmaMemory& memory, u8 disk, DriveDescription const& drive, u64 ram_bytes);

    u64 bytes() const override { return bytes_; }
    bool is_read_only() const override { return read_only_; }
    std::span<u8> buffer() override { return channel_.disk_buffer(disk_); }
    bool reaches(BlockSegment segment) const override;
    void start(BlockOperation operation, u64 offset, u32 bytes, std::span<BlockSegment const> segments) override;
    bool is_busy() const override { return under_way_; }

    /// Sends what a full ring has kept back. To be called often, and before the vCPU sleeps.
    void pump();
    void set_medium(driver::MediumChanged const& medium) { bytes_ = medium.size, read_only_ = medium.read_only; }
    /// The app's answer.
    void done(driver::BlockDone const& answer);

private:
    driver::MonitorEnd& channel_;
    DmaMemory& memory_;
    u8 disk_;
    u64 bytes_;
    bool read_only_;
    u64 ram_bytes_;
    u32 tag_{};
    bool under_way_{};
    std::vector<BlockSegment> to_fill_; // guest RAM that the request under way writes to
    std::optional<driver::BlockRequest> waiting_;
};

} // namespace ring3
