#include "driver/channel.h"

#include "driver/region.h"

#include <csignal>
#include <cstring>
#include <gtest/gtest.h>
#include <poll.h>
#include <random>
#include <unistd.h>

namespace ring3::driver {
namespace {

using namespace std::chrono_literals;

struct ChannelTest : ::testing::Test {
    Channel channel = Channel::create().value();
    AppEnd app = channel.app_end();
    MonitorEnd monitor = channel.monitor_end();

    template <class Message> Message app_receives() {
        auto const message = app.receive();
        if (!message || !*message || !std::holds_alternative<Message>(**message)) {
            ADD_FAILURE() << "another message, or none";
            return {};
        }
        return std::get<Message>(**message);
    }
    bool app_is_signalled() const {
        pollfd entry{app.event_fd(), POLLIN, 0};
        return ::poll(&entry, 1, 0) == 1;
    }
};

TEST_F(ChannelTest, messages_arrive_whole_and_in_order) {
    EXPECT_TRUE(monitor.try_send(SerialOut{2, "hello"}));
    EXPECT_TRUE(monitor.try_send(ModemLines{1, true, false}));
    EXPECT_TRUE(monitor.try_send(DebugExit{0xdeadbeef}));
    auto const out = app_receives<SerialOut>();
    EXPECT_EQ(out.port, 2);
    EXPECT_EQ(out.bytes, "hello");
    auto const lines = app_receives<ModemLines>();
    EXPECT_TRUE(lines.port == 1 && lines.dtr && !lines.rts);
    EXPECT_EQ(app_receives<DebugExit>().value, 0xdeadbeef);
    EXPECT_FALSE(app.receive().value());
}

TEST_F(ChannelTest, every_kind_of_message_survives_the_journey) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        bool const sent = (monitor.try_send(std::variant_alternative_t<I, FromMonitor>{}) && ...);
        EXPECT_TRUE(sent);
        (app_receives<std::variant_alternative_t<I, FromMonitor>>(), ...);
    }
    (std::make_index_sequence<std::variant_size_v<FromMonitor>>{});
}

TEST_F(ChannelTest, a_block_request_keeps_its_segments) {
    BlockRequest request{3, BlockOperation::write, 0xfedc'ba98, 0x1234'5678'9abc'de00, 0x3000, {}};
    for (u32 i = 0; i < max_block_segments; ++i) request.segments.push_back({{u64{i} << 33}, i + 1});
    EXPECT_TRUE(monitor.try_send(request));
    auto const seen = app_receives<BlockRequest>();
    EXPECT_EQ(seen.disk, 3);
    EXPECT_EQ(seen.operation, BlockOperation::write);
    EXPECT_EQ(seen.tag, 0xfedc'ba98);
    EXPECT_EQ(seen.offset, 0x1234'5678'9abc'de00);
    EXPECT_EQ(seen.bytes, 0x3000u);
    EXPECT_EQ(seen.segments, request.segments);
    request.segments.emplace_back();
    EXPECT_FALSE(request.segments.size() <= max_block_segments);
    EXPECT_TRUE(monitor.try_send(request));
    EXPECT_FALSE(app.receive()); // one too many
}

TEST_F(ChannelTest, a_disks_buffer_is_one_memory) {
    monitor.disk_buffer(2)[disk_buffer_bytes - 1] = 0x55;
    EXPECT_EQ(app.disk_buffer(2)[disk_buffer_bytes - 1], 0x55);
    EXPECT_EQ(app.disk_buffer(1)[disk_buffer_bytes - 1], 0);
}

TEST_F(ChannelTest, the_monitor_notices_messages_by_one_word) {
    EXPECT_FALSE(monitor.attention());
    EXPECT_TRUE(app.try_send(Pause{}));
    EXPECT_TRUE(app.try_send(SerialIn{0, "x"}));
    EXPECT_TRUE(monitor.attention());
    EXPECT_TRUE(std::holds_alternative<Pause>(*monitor.receive()));
    EXPECT_EQ(std::get<SerialIn>(*monitor.receive()).bytes, "x");
    EXPECT_FALSE(monitor.receive());
    EXPECT_FALSE(monitor.attention());
}

TEST_F(ChannelTest, a_waiting_monitor_is_woken_and_a_deadline_wakes_it_too) {
    monitor.wait(1ms);
    EXPECT_TRUE(app.try_send(Nmi{}));
    monitor.wait(std::nullopt); // would never return without the signal
    EXPECT_TRUE(monitor.receive());
}

int volatile doorbells;

TEST_F(ChannelTest, every_wake_up_rings_the_doorbell_once) {
    auto* const before = std::signal(SIGALRM, [](int) { doorbells = doorbells + 1; });
    app.try_send(Nmi{});
    EXPECT_EQ(doorbells, 0); // nobody's yet
    app.set_doorbell(::getpid());
    app.try_send(Nmi{});
    EXPECT_EQ(doorbells, 0); // woken for the first one, and has not looked yet
    while (monitor.receive()) {
    }
    app.try_send(Nmi{});
    EXPECT_EQ(doorbells, 1);
    while (monitor.try_send(SerialOut{0, std::string(max_payload, 'x')})) {
    }
    app_receives<SerialOut>(); // there is room again
    EXPECT_EQ(doorbells, 2);
    app_receives<SerialOut>(); // nobody waits for more
    EXPECT_EQ(doorbells, 2);
    std::signal(SIGALRM, before);
}

TEST_F(ChannelTest, the_app_is_signalled_only_when_it_asked) {
    EXPECT_TRUE(monitor.try_send(Reset{}));
    EXPECT_FALSE(app_is_signalled());
    EXPECT_FALSE(app.prepare_wait()); // there is one already
    app_receives<Reset>();
    EXPECT_TRUE(app.prepare_wait());
    EXPECT_TRUE(monitor.try_send(Reset{}));
    EXPECT_TRUE(app_is_signalled());
    app.finish_wait();
    EXPECT_FALSE(app_is_signalled());
}

TEST_F(ChannelTest, a_full_ring_refuses_and_the_monitor_hears_of_new_room) {
    SerialOut const big{0, std::string(max_payload, 'x')};
    while (monitor.try_send(big)) {
    }
    EXPECT_FALSE(monitor.has_room(max_payload));
    EXPECT_FALSE(monitor.attention());
    EXPECT_EQ(app_receives<SerialOut>().bytes.size(), max_payload);
    EXPECT_TRUE(monitor.attention());
    EXPECT_TRUE(monitor.has_room(max_payload));
    EXPECT_TRUE(monitor.try_send(big));
}

TEST_F(ChannelTest, a_payload_above_the_limit_is_never_sent) {
    EXPECT_FALSE(monitor.has_room(max_payload + 1));
    EXPECT_FALSE(app.try_send(SerialIn{0, std::string(max_payload + 1, 'x')}));
}

TEST_F(ChannelTest, trace_records_and_counters_are_visible_to_the_app) {
    monitor.trace().record(TraceKind::halt, 1, 2, 3);
    monitor.statistics().instructions = 42;
    ASSERT_EQ(app.last_events(5).size(), 1u);
    EXPECT_EQ(app.last_events(5)[0].a, 2u);
    EXPECT_EQ(app.statistics().instructions, 42u);
}

TEST_F(ChannelTest, the_engines_counters_arrive_each_in_its_place) {
    monitor.statistics().publish({.direct = 1, .exits_fault = 2, .time_halted = 3});
    EngineStatistics const seen = app.statistics().engine();
    EXPECT_EQ(seen.direct, 1u);
    EXPECT_EQ(seen.exits_fault, 2u);
    EXPECT_EQ(seen.time_halted, 3u);
    EXPECT_EQ(seen.interpreted, 0u);
    monitor.statistics().publish({});
    EXPECT_EQ(app.statistics().engine().direct, 0u);
}

// ---- what a monitor in a guest's hands could write

struct HostileTest : ChannelTest {
    HostileTest() {
        auto* const start = reinterpret_cast<u8*>(&monitor.statistics()) - offsetof(Region, statistics);
        memory = reinterpret_cast<Region*>(start);
    }
    Region* memory;

    void put(Frame const& frame, std::string_view payload, u32 published) {
        std::memcpy(memory->to_app_ring.data(), &frame, sizeof frame);
        std::memcpy(memory->to_app_ring.data() + sizeof frame, payload.data(), payload.size());
        memory->to_app.written = published;
    }
    void expect_refusal() {
        auto const message = app.receive();
        ASSERT_FALSE(message);
        EXPECT_EQ(message.error().status, ExitStatus::internal);
        EXPECT_NE(message.error().message.find("broke the rules"), std::string::npos);
    }
};

TEST_F(HostileTest, ring_positions_beyond_the_ring_are_refused) {
    memory->to_app.written = Region::to_app_bytes + 1;
    expect_refusal();
}

TEST_F(HostileTest, half_a_frame_is_refused) {
    put({}, "", sizeof(Frame) - 1);
    expect_refusal();
}

TEST_F(HostileTest, a_length_beyond_what_is_there_is_refused) {
    put({.length = 100}, "short", sizeof(Frame) + 5);
    expect_refusal();
}

TEST_F(HostileTest, a_length_beyond_the_limit_is_refused) {
    put({.length = max_payload + 1}, "", Region::to_app_bytes);
    expect_refusal();
}

TEST_F(HostileTest, an_unknown_kind_is_refused) {
    put({.kind = std::variant_size_v<FromMonitor>}, "", sizeof(Frame));
    expect_refusal();
    put({.kind = 255}, "", sizeof(Frame));
}

TEST_F(HostileTest, a_port_that_does_not_exist_is_refused) {
    put({.kind = 0, .port = serial_ports}, "", sizeof(Frame));
    expect_refusal();
}

TEST_F(HostileTest, fields_that_a_message_does_not_have_are_refused) {
    put({.kind = static_cast<u8>(FromMonitor{Reset{}}.index()), .value = 1}, "", sizeof(Frame));
    expect_refusal();
}

TEST_F(HostileTest, a_number_too_large_for_its_field_is_refused) {
    put({.kind = static_cast<u8>(FromMonitor{PowerOff{}}.index()), .value = 256}, "", sizeof(Frame));
    expect_refusal();
}

TEST_F(HostileTest, a_block_request_with_a_broken_part_is_refused) {
    u8 const kind = static_cast<u8>(FromMonitor{BlockRequest{}}.index());
    std::string const numbers(12, '\0'), segment(12, '\0');
    auto const refused = [&](Frame frame, std::string const& payload) {
        memory->to_app.written = 0;
        frame.kind = kind;
        frame.length = static_cast<u32>(payload.size());
        put(frame, payload, static_cast<u32>(sizeof frame + payload.size()));
        return !channel.app_end().receive();
    };
    EXPECT_FALSE(refused({}, numbers));
    EXPECT_FALSE(refused({}, numbers + segment));
    EXPECT_TRUE(refused({}, ""));
    EXPECT_TRUE(refused({}, numbers.substr(1)));
    EXPECT_TRUE(refused({}, numbers + segment.substr(1)));
    EXPECT_TRUE(refused({.port = max_disks}, numbers));
    EXPECT_TRUE(refused({.choice = static_cast<u8>(last_block_operation) + 1}, numbers));
    EXPECT_TRUE(refused({.flags = 1}, numbers));
}

TEST_F(HostileTest, a_trace_ring_full_of_nonsense_is_still_only_a_ring) {
    std::memset(static_cast<void*>(&memory->trace), 0xff, sizeof memory->trace);
    for (auto const& event : app.last_events(1 << 20)) EXPECT_FALSE(describe(event).empty());
}

TEST_F(HostileTest, random_bytes_give_messages_or_one_error_but_nothing_else) {
    std::mt19937 random{20240607};
    for (int round = 0; round < 300; ++round) {
        Channel fresh = Channel::create().value();
        AppEnd end = fresh.app_end();
        MonitorEnd writer = fresh.monitor_end();
        auto* const target =
            reinterpret_cast<Region*>(reinterpret_cast<u8*>(&writer.statistics()) - offsetof(Region, statistics));
        for (std::size_t i = 0; i < 4096; ++i)
            // Many zeros, so that some frames are nearly right.
            target->to_app_ring[i] = random() % 3 == 0 ? static_cast<u8>(random()) : u8{0};
        target->to_app.written = static_cast<u32>(random() % 4096);
        for (int messages = 0; messages < 4096; ++messages) {
            auto const message = end.receive();
            if (!message || !*message) break;
            ASSERT_LT((*message)->index(), std::variant_size_v<FromMonitor>);
        }
    }
}

} // namespace
} // namespace ring3::driver
