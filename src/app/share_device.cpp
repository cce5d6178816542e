#include "app/share_device.h"

#include <algorithm>
#include <poll.h>
#include <sys/resource.h>

namespace ring3::app {

namespace {

constexpr u64 has_mount_tag = 1; // feature VIRTIO_9P_MOUNT_TAG

/// The guest's open files are this process's: it may have a good part of what the host allows, not all.
std::size_t most_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 64;
    return std::clamp<std::size_t>(limit.rlim_cur / 2, 64, 8192);
}

} // namespace

Result<std::unique_ptr<virtio::Device>> ShareDevice::open(EventLoop& loop, VirtioShareSettings const& settings) {
    auto server = TRY(p9::Server::open(settings.folder, {.open_files = most_open_files()}));
    auto answered = TRY(host::EventFd::create());
    return std::make_unique<ShareDevice>(loop, settings.tag, std::move(server), std::move(answered));
}

ShareDevice::ShareDevice(EventLoop& loop, std::string tag, p9::Server server, host::EventFd answered)
    : loop_{loop}, tag_{std::move(tag)}, answered_{std::move(answered)}, thread_{std::move(server), answered_} {
    loop_.add(*this);
}

ShareDevice::~ShareDevice() {
    loop_.remove(*this);
}

VirtioDescription ShareDevice::describe() const {
    VirtioDescription description;
    description.type = VirtioType::plan9;
    description.pci_class = 0x00'0200;
    description.features = has_mount_tag;
    description.queue_sizes = {most_waiting};
    description.config = {static_cast<u8>(tag_.size()), 0};
    description.config.insert(description.config.end(), tag_.begin(), tag_.end());
    return description;
}

void ShareDevice::process(unsigned) {
    // The driver could offer a chain again before it has its answer.
    while (waiting_.size() < most_waiting) {
        auto chain = queue(0).take();
        if (!chain) return;
        u64 const length = virtio::total_bytes(chain->readable());
        if (length > p9::most_message) {
            queue(0).put(*chain, 0);
            continue;
        }
        ShareRequest request{.bytes = std::vector<u8>(length), .ticket = ++tickets_};
        virtio::copy_out(chain->readable(), 0, request.bytes);
        request.room = static_cast<std::size_t>(virtio::total_bytes(chain->writable()));
        waiting_.push_back({*std::move(chain), request.ticket});
        thread_.submit(std::move(request));
    }
}

bool ShareDevice::stop() {
    waiting_.clear();
    thread_.reset();
    return true;
}

short ShareDevice::interest() const {
    return POLLIN;
}

void ShareDevice::ready(short) {
    answered_.take();
    while (auto const reply = thread_.take_reply()) {
        // A reply to a request that the driver no longer knows of, if the device was reset meanwhile.
        if (waiting_.empty() || waiting_.front().ticket != reply->ticket) continue;
        auto const chain = std::move(waiting_.front().chain);
        waiting_.pop_front();
        queue(0).put(chain, virtio::copy_in(chain.writable(), 0, reply->bytes));
    }
    if (!is_running()) return;
    queue(0).refill(most_waiting);
    process(0);
    host().progress();
}

} // namespace ring3::app
