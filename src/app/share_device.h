// ShareDevice: virtio-9p, a shared folder as a virtio device.
//
//     chain's readable part --copy--> ShareThread (9P server) --reply--> event loop --copy--> chain's writable part
//
// The thread never sees guest RAM: a device that its driver lets go of is done at once, whatever the file system does. A
// request or reply has at most 512 KiB, and most_waiting of them are under way; copying one costs less than waking the thread.
//
// Models:  the mount tag, one request queue.
// Source:  Linux 6.1, `net/9p/trans_virtio.c`; [9p2000.L].
#pragma once

#include "app/event_loop.h"
#include "app/share_thread.h"
#include "app/virtio_settings.h"
#include "virtio/device.h"

#include <deque>
#include <memory>

namespace ring3::app {

class ShareDevice final : public virtio::Device, EventSource {
public:
    static Result<std::unique_ptr<virtio::Device>> open(EventLoop& loop, VirtioShareSettings const& settings);
    ShareDevice(EventLoop& loop, std::string tag, p9::Server server, host::EventFd answered);
    ~ShareDevice() override;

    VirtioDescription describe() const override;
    void process(unsigned queue) override;
    bool stop() override;

private:
    static constexpr u16 most_waiting = 128; // what Linux's driver can have under way
    struct Waiting {
        virtio::Chain chain;
        u64 ticket{};
    };

    // ---- EventSource: the thread's replies
    int fd() const override { return answered_.number(); }
    short interest() const override;
    void ready(short) override;

    EventLoop& loop_;
    std::string tag_;
    host::EventFd answered_;
    ShareThread thread_;
    std::deque<Waiting> waiting_; // in their order, which is that of the replies
    u64 tickets_{};
};

} // namespace ring3::app
