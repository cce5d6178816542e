// virtio-console: characters, fast.
//
// Models: one port, which Linux calls hvc0.
// Missing: several ports and their control queues, the terminal's size.
// Source: VIRTIO 1.1, 5.3.
#pragma once

#include "virtio/device.h"

#include <memory>
#include <string_view>

namespace ring3::virtio {

/// What is at the other end of the line.
class CharPort {
public:
    virtual ~CharPort() = default;
    virtual bool has_room() const = 0;
    virtual void write(std::string_view bytes) = 0;
    /// The guest takes input again.
    virtual void input_wanted() = 0;
};

class Console final : public Device {
public:
    explicit Console(std::unique_ptr<CharPort> port) : port_{std::move(port)} {}

    VirtioDescription describe() const override;
    void started() override { port_->input_wanted(); }
    void process(unsigned queue) override;
    bool stop() override;

    // ---- from the port
    bool wants_input();
    void input(std::string_view bytes);
    /// It has room again.
    void port_ready();
    /// Output waits for room.
    bool is_waiting() const { return waiting_; }

private:
    static constexpr unsigned receive_queue = 0, transmit_queue = 1;
    void write(Chain const& chain);

    std::unique_ptr<CharPort> port_;
    std::string pending_; // input that found no buffers: at most what one read brings
    Chain chain_;
    bool waiting_{};
};

} // namespace ring3::virtio
