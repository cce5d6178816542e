// The devices, each with a driver that sets its queues up in an array.
#include "virtio/balloon.h"
#include "virtio/block.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "virtio/net.h"
#include "virtio/test_driver.h"

#include <gtest/gtest.h>

namespace ring3::virtio {
namespace {

constexpr u64 header = 0x8000, data = 0x9000, status = 0xa000;

struct DevicesTest : testing::Test {
    std::vector<u8> ram = std::vector<u8>(1 << 20);
    TestHost host;
    TestDriver first{ram}, second{ram, 0x10000};

    void start(Device& device, u64 features) {
        device.connect(host);
        std::vector<Queue> queues;
        for (std::size_t i = 0; i < device.describe().queue_sizes.size(); ++i)
            queues.push_back((i == 0 ? first : second).queue(features));
        device.start(GuestMemory{ram}, features, std::move(queues));
    }
    std::string text(u64 address, std::size_t length) const {
        return {ram.begin() + static_cast<std::ptrdiff_t>(address),
                ram.begin() + static_cast<std::ptrdiff_t>(address + length)};
    }
    void put(u64 address, std::string_view bytes) { std::ranges::copy(bytes, &ram[address]); }
};

/// A disk that does what it is asked when serve() is called.
struct TestPort final : DiskPort {
    std::vector<DiskRequest> requests;
    u64 bytes() const override { return 100 * 512; }
    bool is_read_only() const override { return read_only; }
    DiskGeometry geometry() const override { return {}; }
    std::string serial() const override { return "number"; }
    void submit(DiskRequest request) override { requests.push_back(std::move(request)); }
    void finish() override {}
    bool read_only{};
};

struct BlockTest : DevicesTest {
    static constexpr u64 flush_feature = 1 << 9;
    TestPort* port{};
    std::unique_ptr<Block> disk;
    void make(u64 features = flush_feature) {
        auto made = std::make_unique<TestPort>();
        port = made.get();
        disk = std::make_unique<Block>(std::move(made));
        start(*disk, features);
    }
    void ask(u32 type, u64 sector, u32 length, bool reads) {
        first.put(header, type), first.put(header + 8, sector);
        ram[status] = 0xee;
        first.offer({{header, 16, false}, {data, length, reads}, {status, 1, true}});
        disk->process(0);
    }
    void answer(BlockStatus how = BlockStatus::done) {
        DiskRequest const request = port->requests.back();
        port->requests.pop_back();
        disk->answered(request.ticket, how);
    }
};

TEST_F(BlockTest, reads_go_to_guest_memory_and_have_their_status_behind_it) {
    make();
    ask(0, 3, 1024, true);
    ASSERT_EQ(port->requests.size(), 1u);
    EXPECT_EQ(port->requests[0].offset, 3u * 512);
    EXPECT_EQ(port->requests[0].memory.size(), 1u);
    EXPECT_EQ(port->requests[0].memory[0].iov_base, &ram[data]);
    EXPECT_FALSE(disk->queues()[0].has_completions());
    answer();
    EXPECT_EQ(ram[status], 0);
    auto const completions = disk->queues()[0].complete();
    EXPECT_EQ(completions.written, (std::vector<BlockSegment>{{{data}, 1024}, {{status}, 1}}));
    EXPECT_EQ(first.used(0).length, 1025u);
    EXPECT_EQ(host.progresses, 1u);
}

TEST_F(BlockTest, what_is_wrong_with_a_request_is_its_status) {
    make();
    auto const status_of = [&](u32 type, u64 sector, u32 length, bool reads) {
        ask(type, sector, length, reads);
        disk->queues()[0].complete();
        return ram[status];
    };
    EXPECT_EQ(status_of(0, 99, 1024, true), 1);
    EXPECT_EQ(status_of(0, ~u64{0}, 512, true), 1);
    EXPECT_EQ(status_of(0, u64{1} << 55, 512, true), 1);
    EXPECT_EQ(status_of(1, 0, 511, false), 1);
    EXPECT_EQ(status_of(2, 0, 512, true), 2);
    EXPECT_EQ(status_of(11, 0, 15, false), 1);
    port->read_only = true;
    EXPECT_EQ(status_of(1, 0, 512, false), 1);
    EXPECT_TRUE(port->requests.empty());
    EXPECT_TRUE(disk->queues()[0].broken().empty());
}

TEST_F(BlockTest, ranges_are_discarded_and_zeroed) {
    make();
    first.put(data, u64{8}), first.put(data + 8, u32{16}), first.put(data + 12, u32{0});
    ask(11, 0, 16, false);
    ASSERT_EQ(port->requests.size(), 1u);
    EXPECT_EQ(port->requests[0].operation, BlockOperation::discard);
    EXPECT_EQ(port->requests[0].offset, 8u * 512);
    answer();
    ask(13, 0, 16, false);
    EXPECT_FALSE(port->requests[0].may_unmap);
    answer(BlockStatus::io_error);
    EXPECT_EQ(ram[status], 1);
}

TEST_F(BlockTest, a_driver_without_flushes_has_its_writes_flushed) {
    make(0);
    ask(1, 0, 512, false);
    answer();
    ASSERT_EQ(port->requests.size(), 1u);
    EXPECT_EQ(port->requests[0].operation, BlockOperation::flush);
    EXPECT_EQ(ram[status], 0xee);
    answer();
    EXPECT_EQ(ram[status], 0);
}

TEST_F(BlockTest, tells_its_number) {
    make();
    ask(8, 0, 20, true);
    EXPECT_EQ(text(data, 7), std::string("number\0", 7));
}

TEST_F(BlockTest, a_reset_waits_for_the_disk_and_forgets_the_answers) {
    make();
    ask(0, 0, 512, true);
    EXPECT_FALSE(disk->halt());
    EXPECT_EQ(host.stops, 0u);
    answer();
    EXPECT_EQ(host.stops, 1u);
    EXPECT_EQ(ram[status], 0xee);
    EXPECT_TRUE(disk->halt());
}

TEST_F(BlockTest, a_request_without_room_for_its_status_breaks_the_device) {
    make();
    first.offer({{header, 16, false}});
    disk->process(0);
    EXPECT_FALSE(disk->queues()[0].broken().empty());
}

struct TestCable final : NetPort {
    bool open{true};
    std::vector<std::vector<u8>> sent;
    std::vector<u16> segments;
    bool takes_frames() const override { return open; }
    void send(net::Frame frame) override {
        sent.emplace_back(frame.bytes.begin(), frame.bytes.end());
        segments.push_back(frame.segment);
    }
    void card_ready() override {}
    bool link() const override { return true; }
};

struct NetTest : DevicesTest {
    static constexpr u64 checksum = 1, tso4 = 1 << 11, merged = 1 << 15;
    TestCable* cable{};
    std::unique_ptr<Net> card;
    void make(u64 features) {
        auto made = std::make_unique<TestCable>();
        cable = made.get();
        card = std::make_unique<Net>(std::move(made), std::array<u8, 6>{2, 0, 0, 0, 0, 1});
        start(*card, features);
    }
    void send(u32 length) {
        second.offer({{header, length, false}});
        card->process(1);
    }
};

TEST_F(NetTest, frames_leave_with_their_checksums_filled_in) {
    make(checksum | tso4 | merged);
    ram[header] = 1, ram[header + 1] = 1,
    ram[header + 4] = 100;                      // a partial checksum, TCP over IPv4, pieces of 100 bytes
    ram[header + 6] = 34, ram[header + 8] = 16; // where it starts, where it goes
    ram[header + 12 + 34] = 0x12, ram[header + 12 + 50] = 0x01;
    send(12 + 60);
    ASSERT_EQ(cable->sent.size(), 1u);
    EXPECT_EQ(cable->segments[0], 100);
    EXPECT_EQ(be16(cable->sent[0], 50), static_cast<u16>(~0x1300));
    EXPECT_EQ(second.used_index(), 0);
    EXPECT_TRUE(card->queues()[1].complete().any);
    EXPECT_EQ(second.used_index(), 1);
}

TEST_F(NetTest, what_is_no_frame_is_lost) {
    make(checksum | merged);
    send(12 + 13);
    send(5);
    ram[header] = 1, ram[header + 6] = 0xff;
    send(12 + 60); // a checksum beyond the frame
    ram[header] = 0, ram[header + 1] = 1;
    send(12 + 60); // a segment that was not negotiated
    EXPECT_TRUE(cable->sent.empty());
    EXPECT_TRUE(card->queues()[1].broken().empty());
}

TEST_F(NetTest, a_plug_without_room_stops_the_card) {
    make(0);
    cable->open = false;
    send(10 + 60);
    EXPECT_TRUE(cable->sent.empty());
    cable->open = true;
    card->port_ready();
    EXPECT_EQ(cable->sent.size(), 1u);
}

TEST_F(NetTest, a_frame_is_spread_over_merged_buffers) {
    make(merged);
    std::vector<u8> const frame(100, 0x77);
    card->receive(frame); // no buffers: lost
    first.offer({{data, 64, true}});
    EXPECT_FALSE(card->can_receive());
    first.offer({{data + 64, 64, true}});
    first.offer({{data + 128, 1536, true}});
    EXPECT_TRUE(card->can_receive());
    card->receive(frame);
    EXPECT_EQ(ram[data + 10], 2);
    EXPECT_EQ(first.used(0), (TestDriver::Used{0, 64}));
    EXPECT_EQ(first.used(1), (TestDriver::Used{1, 48}));
    EXPECT_EQ(ram[data + 12], 0x77);
    EXPECT_EQ(ram[data + 111], 0x77);
    EXPECT_EQ(ram[data + 112], 0);
}

TEST_F(DevicesTest, a_balloon_gives_pages_back_and_nothing_else) {
    std::vector<u8 const*> pages;
    Balloon balloon{[&](std::span<u8> page) { pages.push_back(page.data()); }};
    start(balloon, 0);
    first.put(data, u32{3}), first.put(data + 4, u32{0xffff'ffff}), first.put(data + 8, u32{256});
    first.offer({{data, 12, false}});
    balloon.process(0);
    EXPECT_EQ(pages, std::vector<u8 const*>{&ram[0x3000]});
    balloon.ask_for(16 << 20);
    EXPECT_EQ(host.config[1], 0x10);
    std::array<u8, 4> const given{0, 1, 0, 0};
    balloon.config_written(4, given);
    EXPECT_EQ(balloon.given(), 1u << 20);
}

TEST_F(DevicesTest, random_bytes_fill_what_is_offered) {
    Entropy entropy{[](std::span<u8> bytes) { std::ranges::fill(bytes, u8{0x5a}); }};
    start(entropy, 0);
    first.offer({{data, 10, true}, {data + 100, 10, true}});
    entropy.process(0);
    EXPECT_EQ(ram[data + 9], 0x5a);
    EXPECT_EQ(ram[data + 10], 0);
    EXPECT_EQ(ram[data + 109], 0x5a);
    EXPECT_EQ(first.used(0).length, 20u);
}

struct TestLine final : CharPort {
    std::string out;
    bool open{true};
    bool has_room() const override { return open; }
    void write(std::string_view bytes) override { out += bytes; }
    void input_wanted() override {}
};

TEST_F(DevicesTest, characters_go_both_ways_and_wait_for_room) {
    auto made = std::make_unique<TestLine>();
    TestLine& line = *made;
    Console console{std::move(made)};
    start(console, 0);
    put(data, "hello");
    line.open = false;
    second.offer({{data, 5, false}});
    console.process(1);
    EXPECT_TRUE(console.is_waiting());
    line.open = true;
    console.port_ready();
    EXPECT_EQ(line.out, "hello");
    EXPECT_FALSE(console.wants_input());
    first.offer({{data + 16, 3, true}});
    EXPECT_TRUE(console.wants_input());
    console.input("abcd");
    EXPECT_EQ(text(data + 16, 3), "abc");
    first.offer({{data + 32, 3, true}});
    console.process(0);
    EXPECT_EQ(text(data + 32, 1), "d");
}

} // namespace
} // namespace ring3::virtio
