#include "app/pty_chardev.h"

#include "app/streams.h"
#include "host/file_descriptor.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace ring3::app {

namespace {

class PtyChardev final : public Chardev {
public:
    PtyChardev(EventLoop& loop, host::FileDescriptor master)
        : master_{std::move(master)},
          out_{loop, master_.number(), [](int) {}},
          look_{loop, [this] { look(); }},
          loop_{loop} {
        look();
    }
    void write(std::string_view bytes) override {
        if (in_) out_.write(bytes);
    }
    bool has_room() const override { return out_.has_room(); }
    bool drained() const override { return out_.empty(); }
    bool may_stall() const override { return true; }

private:
    /// Hang-up is a state of a pty and not an event, and poll cannot wait for its end: so it is looked at now and then.
    void look() {
        pollfd entry{master_.number(), 0, 0};
        ::poll(&entry, 1, 0);
        bool const open = (entry.revents & POLLHUP) == 0;
        if (!open || ended_) in_.reset();
        ended_ = false;
        if (open && !in_) connect();
        look_.set(std::chrono::milliseconds{200});
    }
    void connect() {
        in_.emplace(loop_, master_.number(),
                    InputStream::Handler{.wanted = [this] { return user_ && user_->wants_input(); },
                                         .arrived = [this](std::string_view bytes) { user_->input(bytes); },
                                         .ended = [this] { ended_ = true; }}); // EIO; look() takes it away
        if (user_) user_->connected();
    }
    host::FileDescriptor master_;
    OutputQueue out_;
    std::optional<InputStream> in_;
    Alarm look_;
    EventLoop& loop_;
    bool ended_{};
};

/// Raw, and opened and closed once: only then does the master report that nobody is there.
void prepare_other_side(char const* path) {
    host::FileDescriptor const other{::open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)};
    termios settings{};
    if (::tcgetattr(other.number(), &settings) < 0) return;
    ::cfmakeraw(&settings);
    ::tcsetattr(other.number(), TCSANOW, &settings);
}

} // namespace

Result<std::unique_ptr<Chardev>> open_pty(EventLoop& loop) {
    host::FileDescriptor master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
    char path[64];
    if (!master.is_open() || ::grantpt(master.number()) < 0 || ::unlockpt(master.number()) < 0 ||
        ::ptsname_r(master.number(), path, sizeof path) != 0)
        return host::fail_errno(ExitStatus::io, "cannot open a pseudo-terminal");
    prepare_other_side(path);
    // QEMU's words: scripts look for them.
    fmt::print("char device redirected to {}\n", path);
    std::fflush(stdout);
    return std::make_unique<PtyChardev>(loop, std::move(master));
}

} // namespace ring3::app
