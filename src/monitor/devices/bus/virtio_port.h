// The cable between a virtio device's front end and whoever processes its queues. The monitor implements it over the
// driver; tests implement it with lists.
#pragma once

#include "base/virtio.h"

#include <span>

namespace ring3 {

class VirtioPort {
public:
    virtual ~VirtioPort() = default;
    /// The driver is ready. Not while a reset is under way.
    virtual void configured(u64 features, std::span<VirtioQueueSetup const> queues) = 0;
    /// Bit 0 stands for queue 0.
    virtual void kick(u32 queues) = 0;
    virtual void config_written(u32 offset, std::span<u8 const> bytes) = 0;
    /// reset_done() answers; what comes before it belongs to the time before the reset.
    virtual void reset() = 0;
};

/// The front end, as the far end sees it.
class VirtioUser {
public:
    virtual ~VirtioUser() = default;
    /// Who writes the used ring's index.
    enum class Index : u8 { to_be_written, written };
    /// The far end has filled the used ring up to `index`.
    virtual void used(unsigned queue, u16 index, Index state) = 0;
    virtual void reset_done() = 0;
    virtual void broken() = 0;
    virtual void config_changed(std::span<u8 const> bytes) = 0;
};

} // namespace ring3
