// The far end of a network card's cable, inside the monitor: frames leave for the app, and frames of the app wait here
// until the card has room for them. Both directions are bounded by windows that the receiver opens (driver/message.h).
#pragma once

#include "driver/channel.h"
#include "monitor/devices/bus/frame_port.h"

#include <deque>
#include <string>
#include <vector>

namespace ring3 {

class NetEnd final : public FramePort {
public:
    NetEnd(driver::MonitorEnd& channel, u8 nic) : channel_{channel}, nic_{nic} {}
    /// Once, before anything else.
    void connect(NetworkCard* card) { card_ = card; }

    // ---- from the guest
    bool ready() override { return out_.empty() && untaken_ < driver::FrameOut::window; }
    void send(std::span<u8 const> frame, u16 segment) override;
    void card_ready() override { hand_over(); }

    // ---- from the app
    void arrived(driver::FrameIn const& part);
    void taken(u32 bytes);
    void set_cable(bool plugged);

    /// Moves what can be moved, in both directions. To be called often, and before the vCPU sleeps.
    void pump();

private:
    void flush();
    void hand_over();

    driver::MonitorEnd& channel_;
    u8 nic_;
    NetworkCard* card_{};
    std::deque<driver::FrameOut> out_; // parts of one frame that found no room in the ring
    u32 untaken_{};                    // bytes of ours that the app has not taken yet
    std::vector<u8> partial_;          // of a frame of the app's
    std::deque<std::vector<u8>> in_;   // at most a window: the app keeps to it
    u32 done_{};                       // bytes that the card has taken, not told yet
    bool handing_over_{};
};

} // namespace ring3
