// What comes from outside: any bytes as frames for a switch, TCP segments to cut, messages of the switch's ports, and
// messages of the driver, have a defined result.
//
// Input: a byte that chooses the reader, then its bytes; for the switch, records of a port, a length and a frame.
#include "base/assert.h"
#include "driver/codec.h"
#include "net/pcap.h"
#include "net/segmentation.h"
#include "net/switch_core.h"
#include "net/switch_wire.h"

#include <algorithm>
#include <cstring>

namespace {

using namespace ring3;

struct Outlet final : net::SwitchOutlet {
    void deliver(net::Frame frame) override {
        ASSERT(net::is_frame_length(frame.bytes.size()));
        if (answers_left == 0) return;
        --answers_left; // as a machine would, from within
        own->forward(port, frame, 0);
    }
    net::SwitchCore* own{};
    net::PortNumber port{};
    unsigned answers_left{};
};

net::PcapWriter& capture() {
    static auto writer = net::PcapWriter::create("/dev/null", 100);
    ASSERT(writer);
    return *writer;
}

void switch_frames(std::span<u8 const> bytes) {
    net::SwitchCore core;
    std::array<Outlet, 4> outlets;
    std::array<net::PortRules, 4> rules{};
    rules[1] = {.vlan = 7, .trunk = {}, .bits_per_second = 1'000'000, .uplink = true};
    rules[2].trunk.set(1), rules[2].trunk.set(7);
    rules[3].uplink = true;
    for (std::size_t i = 0; i < outlets.size(); ++i) {
        outlets[i].own = &core;
        outlets[i].port = core.add(rules[i], outlets[i]);
    }
    u64 now = 0;
    while (bytes.size() > 3) {
        unsigned const port = bytes[0] % outlets.size(), what = bytes[0] >> 2;
        std::size_t const length = std::min<std::size_t>(bytes[1], bytes.size() - 2);
        outlets[port].answers_left = what & 1;
        now += u64{1} << (what >> 1 & 31);
        core.delay(outlets[port].port, now);
        net::Frame const frame{bytes.subspan(2, length), static_cast<u16>((what & 4) ? 1460 : 0)};
        if (net::is_frame_length(length)) {
            capture().write(frame.bytes, now);
            core.forward(outlets[port].port, frame, now);
        }
        if (what == 63) {
            core.remove(outlets[port].port);
            outlets[port].port = core.add(rules[port], outlets[port]);
        }
        bytes = bytes.subspan(2 + length);
    }
    ASSERT(core.address_count() <= net::SwitchCore::most_addresses && core.port_count() == outlets.size());
}

/// `stretch` makes the frame longer than an input is.
void cut(std::span<u8 const> bytes, std::size_t stretch, u16 segment) {
    std::vector<u8> frame(bytes.begin(), bytes.end());
    frame.resize(std::min(frame.size() + stretch, net::most_frame), 0x55);
    if (!net::is_frame_length(frame.size())) return;
    std::size_t total = 0;
    net::cut_segment({frame, segment}, [&](std::span<u8 const> piece) {
        ASSERT(net::is_frame_length(piece.size()));
        total += piece.size();
        ASSERT(total <= 200 * net::most_frame);
    });
}

void switch_messages(std::span<u8 const> bytes) {
    if (auto const message = net::switch_wire::parse(bytes))
        if (message->kind == net::switch_wire::Kind::join)
            if (auto const rules = net::switch_wire::rules_from_bytes(message->frame.bytes))
                ASSERT(net::switch_wire::rules_from_bytes(net::switch_wire::rules_to_bytes(*rules)));
}

/// What is read and written again is what it was.
template <class Variant> void driver_messages(std::span<u8 const> bytes) {
    driver::Frame frame;
    if (bytes.size() < sizeof frame) return;
    std::memcpy(&frame, bytes.data(), sizeof frame);
    bytes = bytes.subspan(sizeof frame);
    frame.length = static_cast<u32>(bytes.size()); // the ring has checked it
    frame.kind = static_cast<u8>(frame.kind % std::variant_size_v<Variant>);
    std::string const payload{bytes.begin(), bytes.end()};
    auto const message = driver::decode<Variant>(frame, payload);
    if (!message) return;
    auto const again = driver::encode(*message);
    ASSERT(again.frame == frame && again.payload() == payload);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(u8 const* data, std::size_t size) {
    if (size < 4) return 0;
    std::span<u8 const> const bytes{data + 4, size - 4};
    u16 segment{};
    std::memcpy(&segment, data + 2, sizeof segment);
    switch (data[0] % 5) {
    case 0: switch_frames(bytes); break;
    case 1: cut(bytes, data[1] * 256u, segment); break;
    case 2: switch_messages(bytes); break;
    case 3: driver_messages<driver::FromMonitor>(bytes); break;
    default: driver_messages<driver::ToMonitor>(bytes); break;
    }
    return 0;
}
