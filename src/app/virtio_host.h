// VirtioHost: the virtio devices of one machine, on the app's side of the driver.
//
//     VirtioConfigured, VirtioKick --> checks --> virtio::Device --> Queue (in guest RAM)
//     VirtioUsed <-- once a turn, for each queue that has moved ---------/
//
// A monitor's messages are the guest's word, and so is all that lies in the queues. What a driver may do wrong stops its
// device (DEVICE_NEEDS_RESET); what only a monitor could do wrong ends the VM.
//
// The devices outlive the machine, as disks do: after a reset the next one finds them as they were.
#pragma once

#include "app/event_loop.h"
#include "app/virtio_settings.h"
#include "driver/channel.h"
#include "virtio/device.h"

#include <deque>
#include <functional>
#include <memory>

namespace ring3::app {

class VirtioHost final : net::PollClient {
public:
    /// `complain` hears in one line when a driver has broken the rules.
    VirtioHost(EventLoop& loop, std::function<void(std::string)> complain);
    ~VirtioHost() override;

    /// Before the first machine. The order numbers the devices.
    void add(std::unique_ptr<virtio::Device> device, VirtioPlace place);
    /// The devices as the monitor is to show them.
    std::vector<VirtioDescription> descriptions() const;

    /// A machine is there: its end of the driver, and its RAM.
    void attach(driver::AppEnd& driver, std::span<u8> ram);
    /// It goes. Waits for what is under way in its memory.
    void detach();

    // ---- from the monitor; an error is a rule that was broken
    Result<void> configured(driver::VirtioConfigured const& message);
    Result<void> kicked(driver::VirtioKick const& message);
    Result<void> config_written(driver::VirtioConfigWrite const& message);
    Result<void> reset(driver::VirtioReset const& message);

private:
    enum class State : u8 { idle, running, stopping, broken };
    class Card final : public virtio::Host {
    public:
        Card(VirtioHost& owner, u8 number, std::unique_ptr<virtio::Device> device, VirtioPlace place);
        void progress() override { owner_.busy_ = true; }
        void config_changed(std::span<u8 const> config) override;
        void stopped() override;

        VirtioDescription describe() const;
        std::expected<void, std::string> start(driver::VirtioConfigured const& message);
        void process(u32 queues);
        void halt();
        void look_for_faults();
        void fail() { state_ = State::broken, tell_broken_ = true; }
        /// Sends what is to be sent; false: the ring is full.
        bool send_all();

        VirtioHost& owner_;
        u8 number_;
        std::unique_ptr<virtio::Device> device_;
        VirtioPlace place_;
        std::size_t config_bytes_{};
        State state_{};
        u32 starved_{}; // queues that want more time

    private:
        bool send_completions(u8 queue, virtio::Queue& from);
        // To be sent, in this order.
        bool tell_done_{}, tell_broken_{};
        std::optional<std::string> config_;
        std::deque<driver::VirtioUsed> used_; // of a queue whose message did not fit
    };

    Result<Card*> find(u8 device);
    void work();

    // ---- PollClient: no descriptors, but a moment in each turn
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const>) override {}

    EventLoop& loop_;
    std::function<void(std::string)> complain_;
    std::vector<std::unique_ptr<Card>> cards_;
    driver::AppEnd* driver_{};
    virtio::GuestMemory memory_;
    bool busy_{}; // something may be to be sent, or to be done
};

} // namespace ring3::app
