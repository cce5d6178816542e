// virtio-net: a network card.
//
// Models: one pair of queues, merged receive buffers, checksums and TCP segments that the driver leaves to the card, link
//         status. Segments travel whole to back ends that take them (net/frame.h).
// Missing: the control queue, filters (the driver gets every frame that the back end has), offloads towards the guest.
// Totality: what is no frame, or does not fit into the guest's buffers, is lost, as on a real wire.
// Source: VIRTIO 1.1, 5.1.
#pragma once

#include "net/frame.h"
#include "virtio/device.h"

#include <array>
#include <memory>

namespace ring3::virtio {

/// The card's plug.
class NetPort {
public:
    virtual ~NetPort() = default;
    virtual bool takes_frames() const = 0;
    virtual void send(net::Frame frame) = 0;
    /// The card has buffers again.
    virtual void card_ready() = 0;
    virtual bool link() const = 0;
};

class Net final : public Device {
public:
    Net(std::unique_ptr<NetPort> port, std::array<u8, 6> mac) : port_{std::move(port)}, mac_{mac} {}

    VirtioDescription describe() const override;
    void started() override;
    void process(unsigned queue) override;
    bool stop() override;

    // ---- from the port
    /// False: frames should wait. A card without a driver takes them all, and loses them.
    bool can_receive();
    void receive(std::span<u8 const> frame);
    /// The port takes_frames() again.
    void port_ready();
    void link_changed();

private:
    static constexpr unsigned receive_queue = 0, transmit_queue = 1;
    std::vector<u8> config() const;
    std::size_t header_bytes() const;
    bool ensure_room(std::size_t bytes);
    void send(Chain const& chain);
    void deliver(std::span<u8 const> frame);

    std::unique_ptr<NetPort> port_;
    std::array<u8, 6> mac_;
    std::vector<Chain> held_; // receive buffers that were taken and are still empty
    std::size_t held_room_{}; // bytes in them
    Chain chain_;             // one that is sent
    std::vector<u8> frame_;   // its bytes
};

} // namespace ring3::virtio
