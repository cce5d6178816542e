// NicLine: one of the guest's network cards, between its back end outside and the driver inside.
//
//     back end -- arrive() --> waiting -- FrameIn, at most a window untaken --> monitor
//     back end <-- send() ---- outgoing <- FrameOut --------------------------- monitor
//
// A back end that is not ready keeps the guest's frames here, at most a window of them, since nothing is given back to the
// guest until they have gone. Frames for a guest that does not take them wait here too; what is too much is lost, as on a
// real wire.
#pragma once

#include "driver/channel.h"
#include "net/backend.h"
#include "net/pcap.h"

#include <deque>
#include <vector>

namespace ring3::app {

class NicLine final : public net::Station, public net::PollClient {
public:
    /// `backend` may be nullptr: the cable leads nowhere.
    NicLine(u8 nic, net::Backend* backend);

    /// Everything that passes is written there too.
    void observe(net::PcapWriter& dump, std::function<void()> failed) { dumps_.push_back({&dump, std::move(failed)}); }
    /// A new monitor is at the other end, or none.
    void attach(driver::AppEnd* driver);
    /// From the monitor. False: more than its window allows, or no frame.
    [[nodiscard]] bool sent(driver::FrameOut const& part);
    [[nodiscard]] bool taken(u32 bytes);
    u64 lost() const { return lost_; }
    /// Writes a frame to all captures.
    void record(std::span<u8 const> frame);

    // ---- Station
    bool ready() const override;
    void arrive(net::Frame frame) override;
    void backend_ready() override { flush_outgoing(); }

    // ---- PollClient: no descriptors, but a moment in each turn
    void prepare(std::vector<pollfd>& entries, int& timeout) override;
    void dispatch(std::span<pollfd const>) override {}

private:
    struct Packet {
        std::vector<u8> bytes;
        u16 segment{};
    };
    struct Dump {
        net::PcapWriter* writer;
        std::function<void()> failed;
    };
    static constexpr std::size_t most_waiting = 512; // frames: a TCP window or two
    bool may_send(std::size_t bytes) const;
    void send_now(std::span<u8 const> frame);
    void flush_waiting();
    void flush_outgoing();
    void give_back();

    u8 nic_;
    net::Backend* backend_;
    std::vector<Dump> dumps_;
    driver::AppEnd* driver_{};
    std::deque<std::vector<u8>> waiting_; // for the guest
    u32 untaken_{};                       // bytes of FrameIn
    std::vector<u8> partial_;             // of a frame of the guest's
    std::deque<Packet> outgoing_;         // for the back end
    u32 outstanding_{};                   // bytes of FrameOut that were not given back
    u32 done_{};                          // of them, what the back end has taken
    u64 lost_{};
};

} // namespace ring3::app
