#include "app/virtio_devices.h"

#include "app/console_port.h"
#include "app/share_device.h"
#include "virtio/block.h"
#include "virtio/entropy.h"
#include "virtio/net.h"

#include <sys/mman.h>
#include <sys/random.h>

namespace ring3::app {

namespace {

using Made = Result<std::unique_ptr<virtio::Device>>;

/// Never waits once the host has booted (getrandom(2)).
void fill_with_random_bytes(std::span<u8> bytes) {
    while (!bytes.empty()) {
        ssize_t const count = ::getrandom(bytes.data(), bytes.size(), 0);
        if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

/// A disk of BlockHost's as its device asks for it.
class HostDisk final : public virtio::DiskPort, BlockClient {
public:
    HostDisk(BlockHost& disks, unsigned number) : disks_{disks}, number_{number} { disks_.connect(number_, *this); }
    void connect(virtio::Block& device) { device_ = &device; }

    u64 bytes() const override { return drive().bytes; }
    bool is_read_only() const override { return drive().is_read_only; }
    DiskGeometry geometry() const override { return drive().geometry; }
    std::string serial() const override { return drive().serial; }
    void submit(virtio::DiskRequest request) override {
        disks_.submit(number_, {.operation = request.operation,
                                .offset = request.offset,
                                .bytes = request.bytes,
                                .unmap = request.may_unmap ? image::Unmap::yes : image::Unmap::no,
                                .memory = std::move(request.memory),
                                .ticket = request.ticket});
    }
    void finish() override { disks_.finish(number_); }

private:
    void block_answered(u64 ticket, BlockStatus status) override { device_->answered(ticket, status); }
    DriveDescription const& drive() const { return disks_.settings(number_).drive; }

    BlockHost& disks_;
    unsigned number_;
    virtio::Block* device_{};
};

Made make(VirtioDiskSettings const& settings, VirtioResources const& host) {
    auto disk = std::make_unique<HostDisk>(host.disks, static_cast<unsigned>(settings.drive));
    HostDisk& port = *disk;
    auto device = std::make_unique<virtio::Block>(std::move(disk));
    port.connect(*device);
    return device;
}

/// A card's cable, between its back end and its device.
class Cable final : public virtio::NetPort, net::Station {
public:
    Cable(NetHost& network, std::size_t card) : network_{network}, card_{card} {}
    void connect(virtio::Net& device) {
        device_ = &device;
        backend_ = network_.connect(card_, *this, [this] { device_->link_changed(); });
    }

    // ---- NetPort
    bool takes_frames() const override { return !backend_ || backend_->ready(); }
    void send(net::Frame frame) override {
        network_.record(card_, frame.bytes);
        if (backend_ && link()) backend_->send(frame);
    }
    void card_ready() override {
        if (backend_ && device_->can_receive()) backend_->station_ready();
    }
    bool link() const override { return network_.link(card_); }

private:
    // ---- Station
    bool ready() const override { return device_->can_receive(); }
    void arrive(net::Frame frame) override {
        network_.record(card_, frame.bytes);
        if (link()) device_->receive(frame.bytes);
    }
    void backend_ready() override { device_->port_ready(); }

    NetHost& network_;
    std::size_t card_;
    virtio::Net* device_{};
    net::Backend* backend_{};
};

Made make(VirtioConsoleSettings const& settings, VirtioResources const& host) {
    Chardev* const chardev = settings.chardev ? &host.outputs.connect(*settings.chardev) : nullptr;
    auto line = std::make_unique<ConsolePort>(host.loop, chardev);
    ConsolePort& port = *line;
    auto device = std::make_unique<virtio::Console>(std::move(line));
    port.connect(*device);
    return device;
}

/// The guest's memory is a memfd: a hole in it reads as zeroes in all processes that have it mapped.
void punch_hole(std::span<u8> pages) {
    ::madvise(pages.data(), pages.size(), MADV_REMOVE);
}

Made make(VirtioBalloonSettings const&, VirtioResources const& host) {
    auto device = std::make_unique<virtio::Balloon>(punch_hole);
    host.has_balloon(*device);
    return device;
}

Made make(VirtioNetSettings const& settings, VirtioResources const& host) {
    auto cable = std::make_unique<Cable>(host.network, settings.nic);
    Cable& port = *cable;
    auto device = std::make_unique<virtio::Net>(std::move(cable), host.network.mac(settings.nic));
    port.connect(*device);
    return device;
}

Made make(VirtioRngSettings const&, VirtioResources const&) {
    return std::make_unique<virtio::Entropy>(fill_with_random_bytes);
}

Made make(VirtioShareSettings const& settings, VirtioResources const& host) {
    return ShareDevice::open(host.loop, settings);
}

} // namespace

Made make_virtio_device(VirtioSettings const& settings, VirtioResources const& host) {
    return std::visit([&](auto const& device) { return make(device, host); }, settings.device);
}

} // namespace ring3::app
