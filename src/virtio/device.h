// What every virtio device implements, and what it may ask of its host.
//
//     monitor: registers, interrupts            app: VirtioHost (src/app/virtio_host.h), one for a machine
//     VirtioPci --VirtioConfigured, Kick-->     Host --start(), process()--> Device --take(), put()--> Queue
//               <--VirtioUsed, ResetDone---          <--changed(), wants_turn()--
//
// A device processes its queues on the app's event loop and never waits. What takes longer (a disk) is answered later:
// keep the Chain, put() it back when it is done, and say host().progress().
//
//     class Echo final : public Device {
//         VirtioDescription describe() const override { return {.type = ..., .queue_sizes = {64}}; }
//         void process(unsigned queue) override {
//             while (auto chain = this->queue(queue).take()) { ...; this->queue(queue).put(*chain, written); }
//         }
//     };
//
// The buffers of a chain are the guest's at any moment: copy what is checked, then check the copy.
#pragma once

#include "virtio/queue.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ring3::virtio {

/// Whoever owns the devices.
class Host {
public:
    virtual ~Host() = default;
    /// Queues were worked on outside of process(): the guest is to hear of it in this turn.
    virtual void progress() = 0;
    /// The device's configuration has changed to this (its config() as a whole).
    virtual void config_changed(std::span<u8 const> config) = 0;
    /// A device that was stopped has nothing under way any more.
    virtual void stopped() = 0;
};

class Device {
public:
    Device() = default;
    virtual ~Device() = default;
    Device(Device const&) = delete;
    Device& operator=(Device const&) = delete;

    // ---- what a device says and does
    /// As the monitor is to show it. Asked for before each start of the machine; bus slot and legacy or modern are filled
    /// in by whoever read the command line.
    virtual VirtioDescription describe() const = 0;
    /// The driver is ready; features() and queue() hold from here on.
    virtual void started() {}
    /// There may be new chains in the queue. Also called once for each queue after started().
    virtual void process(unsigned queue) = 0;
    /// The driver has changed bytes of the configuration that describe().writable allows.
    virtual void config_written(u32 /*offset*/, std::span<u8 const> /*bytes*/) {}
    /// The driver, or the machine, lets go of the device: its chains are void, and guest RAM is not to be touched any more.
    /// False: something is under way that touches it; host().stopped() says when it is not.
    virtual bool stop() { return true; }
    /// Something is under way (requests of a disk): a machine that ends waits for it with this.
    virtual void finish() {}

    // ---- for the owner
    void connect(Host& host) { host_ = &host; }
    /// `queues` are as many as describe().queue_sizes; those that the driver did not set up do not exist().
    void start(GuestMemory memory, u64 features, std::vector<Queue> queues) {
        memory_ = memory;
        features_ = features;
        queues_ = std::move(queues);
        running_ = true;
        started();
    }
    bool halt() {
        running_ = false;
        return stop();
    }
    std::span<Queue> queues() { return queues_; }
    bool is_running() const { return running_; }

protected:
    Host& host() { return *host_; }
    Queue& queue(unsigned number) { return queues_[number]; }
    bool has_feature(u64 mask) const { return (features_ & mask) != 0; }
    GuestMemory const& memory() const { return memory_; }

private:
    Host* host_{};
    GuestMemory memory_;
    u64 features_{};
    std::vector<Queue> queues_;
    bool running_{};
};

} // namespace ring3::virtio
