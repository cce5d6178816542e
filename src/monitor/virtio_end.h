// The far end of a virtio device's front end, inside the monitor: notifications leave for the app, and what the app has
// used of the queues comes back.
#pragma once

#include "driver/channel.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/virtio_port.h"

#include <deque>
#include <optional>

namespace ring3 {

class VirtioEnd final : public VirtioPort {
public:
    VirtioEnd(driver::MonitorEnd& channel, DmaMemory& memory, u8 device)
        : channel_{channel}, memory_{memory}, device_{device} {}
    /// Once, before anything else; nullptr: the board had no slot for it.
    void connect(VirtioUser* user) { user_ = user; }

    // ---- from the guest
    void configured(u64 features, std::span<VirtioQueueSetup const> queues) override;
    void kick(u32 queues) override;
    void config_written(u32 offset, std::span<u8 const> bytes) override;
    void reset() override;

    // ---- from the app
    void used(driver::VirtioUsed const& message);
    void reset_done();
    void broken();
    void config_changed(driver::VirtioConfigChanged const& message);

    /// Sends what a full ring has kept back. To be called often, and before the vCPU sleeps.
    void pump();

private:
    static constexpr std::size_t most_config_writes = 64; // kept back; a driver that writes more loses some
    bool send(driver::FromMonitor const& message) { return channel_.try_send(message); }

    driver::MonitorEnd& channel_;
    DmaMemory& memory_;
    u8 device_;
    VirtioUser* user_{};
    // What was not sent yet, to be sent in this order.
    bool reset_{};
    std::optional<driver::VirtioConfigured> configured_;
    std::deque<driver::VirtioConfigWrite> config_writes_;
    u32 kicks_{};
};

} // namespace ring3
