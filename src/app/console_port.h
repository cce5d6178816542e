// A chardev as the port of a virtio console.
#pragma once

#include "app/chardev.h"
#include "app/event_loop.h"
#include "virtio/console.h"

namespace ring3::app {

class ConsolePort final : public virtio::CharPort, CharUser, net::PollClient {
public:
    /// `chardev` may be nullptr: nobody listens.
    ConsolePort(EventLoop& loop, Chardev* chardev) : loop_{loop}, chardev_{chardev} { loop_.add(*this); }
    ~ConsolePort() override { loop_.remove(*this); }
    void connect(virtio::Console& device) {
        device_ = &device;
        if (chardev_) chardev_->set_user(this);
    }

    // ---- CharPort
    bool has_room() const override { return !chardev_ || chardev_->has_room(); }
    void write(std::string_view bytes) override {
        if (chardev_) chardev_->write(bytes);
    }
    void input_wanted() override {
        if (chardev_) chardev_->resume_input();
    }

private:
    // ---- CharUser
    bool wants_input() const override { return device_->wants_input(); }
    void input(std::string_view bytes) override { device_->input(bytes); }

    // ---- PollClient: the chardev does not say when it has room
    void prepare(std::vector<pollfd>&, int&) override {
        if (device_ && device_->is_waiting() && has_room()) device_->port_ready();
    }
    void dispatch(std::span<pollfd const>) override {}

    EventLoop& loop_;
    Chardev* chardev_;
    virtio::Console* device_{};
};

} // namespace ring3::app
