#include "app/share_device.h"

#include "p9/test_client.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

using p9::Fields;
using p9::Request;

struct CountingHost final : virtio::Host {
    void progress() override {}
    void config_changed(std::span<u8 const>) override {}
    void stopped() override {}
};

/// A driver with a queue of 128 in 2 MiB of RAM: each request has a descriptor to be read and one to be written.
class ShareDeviceTest : public ::testing::Test {
protected:
    static constexpr u16 size = 128;
    static constexpr u64 descriptors = 0x1000, available = 0x2000, used = 0x3000, requests = 0x10'0000,
                         replies = 0x18'0000, reply_room = 4096;

    ShareDeviceTest() : ram(2 << 20) {
        folder.write(folder.path("file"), "content");
        auto opened = ShareDevice::open(loop, {{.path = folder.path()}, "tag"});
        device = *std::move(opened);
        device->connect(host);
        start();
    }
    void start() {
        std::fill(ram.begin(), ram.end(), u8{0});
        next = answered = 0;
        virtio::GuestMemory const memory{ram};
        std::vector<virtio::Queue> queues;
        queues.push_back(*virtio::Queue::create(memory, 0, {0, size, {descriptors}, {available}, {used}}));
        device->start(memory, 0, std::move(queues));
    }
    template <class Word> void store(u64 at, Word word) { std::memcpy(&ram[at], &word, sizeof word); }
    template <class Word> Word load(u64 at) const {
        Word word{};
        std::memcpy(&word, &ram[at], sizeof word);
        return word;
    }
    void describe(u16 number, u64 address, u32 bytes, u16 flags, u16 behind) {
        u64 const at = descriptors + number * 16u;
        store(at, address), store(at + 8, bytes), store(at + 12, flags), store(at + 14, behind);
    }
    /// Offers a request, in its own two descriptors.
    void offer(Request type, Fields const& fields) {
        Fields whole;
        whole.word(static_cast<u32>(7 + fields.bytes.size())).byte(static_cast<u8>(type)).half(next);
        whole.bytes.insert(whole.bytes.end(), fields.bytes.begin(), fields.bytes.end());
        offer(whole.bytes, static_cast<u32>(whole.bytes.size()));
    }
    void offer(std::vector<u8> const& bytes, u32 claimed) {
        u16 const slot = next % (size / 2), head = static_cast<u16>(slot * 2);
        std::copy(bytes.begin(), bytes.end(), ram.begin() + requests + slot * 1024);
        describe(head, requests + slot * 1024u, claimed, 1, static_cast<u16>(head + 1));
        describe(static_cast<u16>(head + 1), replies + slot * reply_room, reply_room, 2, 0);
        store(available + 4 + 2u * (next % size), head);
        store(available + 2, ++next);
        device->process(0);
    }
    /// Lets the loop turn until so many more requests are answered; gives the last one's reply.
    std::vector<u8> wait_for(u16 count) {
        auto& queue = device->queues()[0];
        u16 const wanted = static_cast<u16>(answered + count);
        while (answered != wanted) {
            if (queue.has_completions())
                answered = queue.complete().used;
            else
                loop.turn(EventLoop::Sleep::may);
        }
        u64 const element = used + 4 + 8u * ((wanted - 1u) % size);
        auto const reply = ram.begin() + replies + load<u32>(element) / 2 * reply_room;
        return {reply, reply + load<u32>(element + 4)};
    }
    std::vector<u8> ask(Request type, Fields const& fields) {
        offer(type, fields);
        return wait_for(1);
    }
    void attach() {
        EXPECT_EQ(ask(Request::version, Fields{}.word(8192).text("9P2000.L")).size(), 21);
        EXPECT_EQ(ask(Request::attach, Fields{}.word(0).word(~0u).text("").text("").word(0)).size(), 20);
    }

    p9::TestFolder folder;
    EventLoop loop;
    CountingHost host;
    std::vector<u8> ram;
    std::unique_ptr<virtio::Device> device;
    u16 next{}, answered{};
};

TEST_F(ShareDeviceTest, tells_the_mount_tag) {
    auto const description = device->describe();
    EXPECT_EQ(description.type, VirtioType::plan9);
    EXPECT_EQ(description.features, 1);
    EXPECT_EQ(description.config, (std::vector<u8>{3, 0, 't', 'a', 'g'}));
}

TEST_F(ShareDeviceTest, answers_requests_in_their_order) {
    attach();
    for (unsigned n = 0; n < 50; ++n) offer(Request::getattr, Fields{}.word(0).quad(0));
    EXPECT_EQ(wait_for(50).size(), 160);
    for (u16 n = 2; n < 52; ++n) EXPECT_EQ(load<u16>(replies + n * reply_room + 5), n);
}

TEST_F(ShareDeviceTest, answers_nothing_to_what_is_no_request) {
    offer({1, 2, 3}, 3);
    EXPECT_TRUE(wait_for(1).empty());
    offer({}, p9::most_message + 1);
    EXPECT_TRUE(wait_for(1).empty());
}

TEST_F(ShareDeviceTest, a_reset_forgets_what_is_under_way_and_all_fids) {
    attach();
    for (unsigned n = 0; n < 30; ++n) offer(Request::getattr, Fields{}.word(0).quad(0));
    EXPECT_TRUE(device->halt());
    start();
    auto const before = ram;
    EXPECT_EQ(ask(Request::clunk, Fields{}.word(0)).at(4), p9::error_reply);
    EXPECT_EQ(load<u8>(replies + reply_room), before[replies + reply_room]); // nothing late came in
    attach();
}

TEST_F(ShareDeviceTest, ends_with_work_under_way) {
    attach();
    for (unsigned n = 0; n < 30; ++n) offer(Request::getattr, Fields{}.word(0).quad(0));
    device.reset();
}

} // namespace
} // namespace ring3::app
