// The sending half of an 82540EM.
//
// Models: legacy, context and data descriptors; checksum insertion; TCP segmentation, whose cutting is left to the far end
//         of the cable (FramePort): the packet gets the lengths and checksums that it would have uncut; VLAN tags; status
//         write-back, interrupt causes.
// Missing: segmentation of UDP; a packet longer than IP allows is lost; write-back is never delayed (RPS, TXDCTL).
// Totality: one visit handles a bounded number of descriptors and bytes; a timer continues, so that the guest runs on.
// Source: 317453 3.3 to 3.5, 13.4.33 to 13.4.45.
#pragma once

#include "monitor/devices/bus/clock.h"
#include "monitor/devices/bus/dma.h"
#include "monitor/devices/bus/frame_port.h"
#include "monitor/devices/e1000_interrupts.h"
#include "monitor/devices/e1000_ring.h"
#include "monitor/devices/e1000_statistics.h"

#include <string>
#include <vector>

namespace ring3 {

class E1000Transmitter {
public:
    struct Parts {
        TimerQueue& timers;
        DmaMemory& memory;
        FramePort& port;
        E1000Interrupts& interrupts;
        E1000Statistics& statistics;
    };
    /// What the rest of the chip says about sending just now.
    struct Conditions {
        bool may_run{};  // bus master, not in reset
        bool link{};     // false: packets are used up and lost
        bool loopback{}; // packets come back
        bool tags{};     // CTRL.VME
        u16 tag_type{};  // VET
    };
    using Looper = std::function<void(std::span<u8 const>)>;
    E1000Transmitter(Parts parts, std::function<Conditions()> conditions, Looper loop_back)
        : parts_{parts},
          conditions_{std::move(conditions)},
          loop_back_{std::move(loop_back)},
          later_{parts.timers, [this] { run(); }} {}

    E1000Ring& ring() { return ring_; }
    u32 control() const { return control_.raw; }
    void set_control(u32 value);
    /// Sends what the ring holds, as far as the port takes it.
    void run();
    void reset();

    void visit(auto&& archive) {
        ring_.visit([&](std::string_view name, auto& value) { archive("e1000.tx." + std::string{name}, value); });
        archive("e1000.tctl", control_.raw);
        for (auto* context : {&plain_, &segmenting_}) {
            archive("e1000.tx.context.ip", context->ip.start), archive("e1000.tx.context.ip.at", context->ip.at);
            archive("e1000.tx.context.ip.end", context->ip.end), archive("e1000.tx.context.tcp", context->tcp.start);
            archive("e1000.tx.context.tcp.at", context->tcp.at), archive("e1000.tx.context.tcp.end", context->tcp.end);
            archive("e1000.tx.context.header", context->header), archive("e1000.tx.context.segment", context->segment);
            archive("e1000.tx.context.is_tcp", context->is_tcp), archive("e1000.tx.context.is_ipv4", context->is_ipv4);
        }
        visit_timer(archive, "e1000.tx.later", later_);
    }

private:
    struct Control : Reg<Control, u32> {
        using Enable = Field<1>;
        static constexpr u32 writable = 0x03ff'fffa;
    };
    struct Descriptor {
        u64 address{};
        u32 lower{}, upper{};
        u8 command() const { return static_cast<u8>(lower >> 24); }
    };
    /// Where a checksum is taken from and put to; `end` 0: the packet's.
    struct Sum {
        u8 start{}, at{};
        u16 end{};
    };
    struct Context {
        Sum ip, tcp;
        u8 header{};
        u16 segment{};
        bool is_tcp{}, is_ipv4{};
    };
    /// The packet that is being gathered from descriptors.
    struct Packet {
        std::vector<u8> bytes{};
        bool begun{}, too_long{};
        bool segment{}, ip_sum{}, tcp_sum{}, tagged{};
        u16 tag{};
        Sum legacy{};
        bool legacy_sum{};
    };
    static constexpr unsigned descriptors_at_once = 2048;
    static constexpr std::size_t bytes_at_once = 1 << 20;
    static constexpr Nanoseconds pause = 100'000;

    Descriptor fetch();
    std::size_t take(Descriptor const& descriptor);
    void take_context(Descriptor const& descriptor);
    void begin(Descriptor const& descriptor, bool is_data);
    void append(Descriptor const& descriptor, u32 bytes);
    void finish();
    void insert(Sum const& sum, u32 extra = 0);
    void complete_headers(Context const& context);
    u32 count_pieces(Context const& context) const;

    Parts parts_;
    std::function<Conditions()> conditions_;
    Looper loop_back_;
    Timer later_;
    E1000Ring ring_;
    Control control_{};
    Context plain_, segmenting_;
    Packet packet_;
    bool running_{};
};

} // namespace ring3
