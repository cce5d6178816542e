// Guest RAM of random bytes with a virtio device's queues in it: whatever the rings say, the device answers or breaks, and
// touches nothing but RAM.
//
// Input: which device, its features, how often and in what order its queues are processed and its requests answered; the
// rest is RAM, in which the queues lie at fixed places.
#include "virtio/balloon.h"
#include "virtio/block.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "virtio/net.h"

#include <algorithm>
#include <cstring>

namespace {

using namespace ring3;
using namespace ring3::virtio;

struct NoHost final : Host {
    void progress() override {}
    void config_changed(std::span<u8 const>) override {}
    void stopped() override {}
};

/// Writes where reads are to go, as a disk would.
struct Disk final : DiskPort {
    std::vector<DiskRequest> requests;
    u64 bytes() const override { return 1 << 20; }
    bool is_read_only() const override { return false; }
    DiskGeometry geometry() const override { return {}; }
    std::string serial() const override { return "serial"; }
    void submit(DiskRequest request) override {
        if (request.operation == BlockOperation::read)
            for (iovec const& piece : request.memory)
                std::memset(piece.iov_base, 0xa5, std::min<std::size_t>(piece.iov_len, 64));
        requests.push_back(std::move(request));
    }
    void finish() override {}
};

struct Cable final : NetPort {
    u64 sum{};
    bool takes_frames() const override { return true; }
    void send(net::Frame frame) override { sum += frame.bytes.back(); }
    void card_ready() override {}
    bool link() const override { return true; }
};

struct Line final : CharPort {
    bool has_room() const override { return true; }
    void write(std::string_view) override {}
    void input_wanted() override {}
};

struct Rig {
    std::unique_ptr<Device> device;
    Disk* disk{};
    Net* net{};
    Console* console{};
};

Rig make(unsigned which) {
    Rig rig;
    if (which == 0) {
        auto disk = std::make_unique<Disk>();
        rig.disk = disk.get();
        rig.device = std::make_unique<Block>(std::move(disk));
    } else if (which == 1) {
        auto net = std::make_unique<Net>(std::make_unique<Cable>(), std::array<u8, 6>{2});
        rig.net = net.get();
        rig.device = std::move(net);
    } else if (which == 2) {
        auto console = std::make_unique<Console>(std::make_unique<Line>());
        rig.console = console.get();
        rig.device = std::move(console);
    } else if (which == 3) {
        rig.device = std::make_unique<Balloon>([](std::span<u8> page) { page[page.size() - 1] = 0; });
    } else {
        rig.device = std::make_unique<Entropy>([](std::span<u8> bytes) { std::ranges::fill(bytes, u8{1}); });
    }
    return rig;
}

void answer_one(Rig& rig, bool good) {
    if (!rig.disk || rig.disk->requests.empty()) return;
    u64 const ticket = rig.disk->requests.front().ticket;
    rig.disk->requests.erase(rig.disk->requests.begin());
    static_cast<Block&>(*rig.device).answered(ticket, good ? BlockStatus::done : BlockStatus::io_error);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* bytes, std::size_t size) {
    constexpr std::size_t control = 24, ram_bytes = 64 << 10;
    if (size < control) return 0;
    std::vector<u8> ram(ram_bytes);
    std::memcpy(ram.data(), bytes + control, std::min(size - control, ram.size()));
    GuestMemory const memory{ram};
    u64 features = 0;
    std::memcpy(&features, bytes + 1, 8);
    NoHost host;
    Rig rig = make(bytes[0] % 5);
    rig.device->connect(host);
    std::vector<Queue> queues(rig.device->describe().queue_sizes.size());
    for (std::size_t i = 0; i < queues.size(); ++i) {
        u64 const base = 0x400 * i; // 16 descriptors, then both rings
        if (auto queue =
                Queue::create(memory, features, {static_cast<u8>(i), 16, {base}, {base + 0x100}, {base + 0x200}}))
            queues[i] = *std::move(queue);
    }
    rig.device->start(memory, features, std::move(queues));
    for (std::size_t step = 9; step < control; ++step) {
        unsigned const number = bytes[step] % rig.device->queues().size();
        Queue& queue = rig.device->queues()[number];
        switch (bytes[step] >> 4) {
        case 0: answer_one(rig, true); break;
        case 1: answer_one(rig, false); break;
        case 2: queue.complete(); break;
        case 3:
            if (rig.net && rig.net->can_receive())
                rig.net->receive(std::span{bytes, std::min<std::size_t>(size, 1500)});
            break;
        case 4:
            if (rig.console && rig.console->wants_input()) rig.console->input("some input");
            break;
        case 5:
            ram[0x102 + 0x400 * number] = static_cast<u8>(ram[0x102 + 0x400 * number] + 1);
            break; // one more is available
        case 6: rig.device->config_written(4, std::span{bytes, 4}); break;
        case 7: ram[bytes[step] * 7u] = bytes[step - 1]; break; // the guest runs meanwhile
        default:
            queue.refill(64);
            rig.device->process(number);
            break;
        }
    }
    rig.device->halt();
    while (rig.disk && !rig.disk->requests.empty()) answer_one(rig, true);
    return 0;
}
