// A network card's plug: what the card hands its frames to, and what brings it frames. The monitor implements the port
// over the driver; tests implement it with a list.
#pragma once

#include "base/types.h"

#include <array>
#include <span>

namespace ring3 {

/// A station's address; the first byte goes over the wire first.
using MacBytes = std::array<u8, 6>;

inline constexpr std::size_t ethernet_header = 14;
/// A TCP segment as long as IP allows, with its tag: cards with segmentation offload make such frames.
inline constexpr std::size_t longest_frame = ethernet_header + 4 + 65'535;

class FramePort {
public:
    virtual ~FramePort() = default;
    /// Is there room for a frame? When there is again, the card's port_ready() is called.
    virtual bool ready() = 0;
    /// A frame of 14 to longest_frame bytes, without its check sequence. `segment` 0: it goes over the wire like this; else
    /// it is a TCP packet of right lengths and checksums that the far end cuts into segments with so much payload.
    virtual void send(std::span<u8 const> frame, u16 segment) = 0;
    /// The card can take frames again after can_receive() was false.
    virtual void card_ready() = 0;
};

class NetworkCard {
public:
    virtual ~NetworkCard() = default;
    /// False: it may have room soon, and frames should wait. A card that is off takes everything, and loses it.
    virtual bool can_receive() const = 0;
    /// A frame of 14 to longest_frame bytes.
    virtual void receive(std::span<u8 const> frame) = 0;
    /// Frames wait because can_receive() is false.
    virtual void frames_wait() {}
    virtual void port_ready() = 0;
    /// The cable is plugged in or pulled out.
    virtual void set_link(bool up) = 0;
};

} // namespace ring3
