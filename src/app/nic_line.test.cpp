#include "app/nic_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace ring3::app {
namespace {

struct FakeBackend final : net::Backend {
    bool ready() const override { return takes; }
    void station_ready() override { ++times_ready; }
    std::string describe() const override { return "fake"; }
    bool takes_long_segments() const override { return true; }
    void prepare(std::vector<pollfd>&, int&) override {}
    void dispatch(std::span<pollfd const>) override {}
    void put(net::Frame frame) override { frames.emplace_back(frame.bytes.begin(), frame.bytes.end()); }
    net::Station& guest() { return station(); }
    bool takes{true};
    unsigned times_ready{};
    std::vector<std::vector<u8>> frames;
};

struct Line : testing::Test {
    Line() : channel{std::move(*driver::Channel::create())}, app{channel.app_end()}, monitor{channel.monitor_end()} {
        line.attach(&app);
    }
    static driver::FrameOut part(std::size_t bytes, bool more = false) { return {0, more, 0, std::string(bytes, 'x')}; }
    void turn() {
        std::vector<pollfd> entries;
        int timeout = -1;
        line.prepare(entries, timeout);
    }
    /// What the monitor has received: bytes of frames, and bytes given back.
    std::pair<std::size_t, std::size_t> received() {
        std::pair<std::size_t, std::size_t> sums{};
        while (auto const message = monitor.receive()) {
            if (auto const* in = std::get_if<driver::FrameIn>(&*message)) sums.first += in->bytes.size();
            if (auto const* back = std::get_if<driver::FrameOutTaken>(&*message)) sums.second += back->count;
        }
        return sums;
    }
    driver::Channel channel;
    driver::AppEnd app;
    driver::MonitorEnd monitor;
    FakeBackend backend;
    NicLine line{0, &backend};
};

TEST_F(Line, frames_of_several_parts_are_put_together) {
    EXPECT_TRUE(line.sent(part(4096, true)));
    EXPECT_TRUE(line.sent(part(4096, true)));
    EXPECT_TRUE(line.sent(part(10)));
    ASSERT_EQ(backend.frames.size(), 1u);
    EXPECT_EQ(backend.frames[0].size(), 8202u);
    turn();
    EXPECT_EQ(received().second, 8202u);
}

TEST_F(Line, what_is_no_frame_ends_the_vm) {
    EXPECT_FALSE(line.sent(part(13)));
    EXPECT_FALSE(line.sent(part(0, true)));
    bool good = true;
    for (int i = 0; i < 17 && good; ++i) good = line.sent(part(4096, true)); // 68 KiB
    EXPECT_FALSE(good);
}

TEST_F(Line, nothing_is_given_back_before_the_back_end_has_taken_it) {
    backend.takes = false;
    std::size_t sent = 0;
    while (sent < driver::FrameOut::window) {
        ASSERT_TRUE(line.sent(part(4096)));
        sent += 4096;
    }
    turn();
    EXPECT_EQ(received().second, 0u);
    bool good = true; // a monitor that does not keep to its window
    for (int i = 0; i < 17 && good; ++i) good = line.sent(part(4096));
    EXPECT_FALSE(good);
    backend.takes = true;
    line.backend_ready();
    turn();
    EXPECT_GE(received().second, sent);
}

TEST_F(Line, frames_for_the_guest_wait_for_its_window_and_are_bounded) {
    std::vector<u8> const frame(1514, 1);
    for (int i = 0; i < 2000; ++i) backend.guest().arrive({frame});
    EXPECT_FALSE(line.ready());
    auto const first = received().first;
    EXPECT_GE(first, driver::FrameIn::window);
    EXPECT_LT(first, driver::FrameIn::window + 1514);
    EXPECT_EQ(line.lost(), 2000 - first / 1514 - 512);
    EXPECT_TRUE(line.taken(static_cast<u32>(first)));
    EXPECT_GE(received().first, driver::FrameIn::window);
    EXPECT_FALSE(line.taken(~u32{0})); // more than there was
}

TEST_F(Line, the_back_end_hears_when_the_guest_takes_frames_again) {
    std::vector<u8> const frame(1514, 1);
    while (line.ready()) backend.guest().arrive({frame});
    auto const bytes = received().first;
    EXPECT_EQ(backend.times_ready, 0u);
    EXPECT_TRUE(line.taken(static_cast<u32>(bytes)));
    EXPECT_GE(backend.times_ready, 1u);
}

TEST_F(Line, without_a_monitor_frames_are_lost_quietly) {
    line.attach(nullptr);
    backend.guest().arrive({std::vector<u8>(60)});
    EXPECT_FALSE(line.ready());
    turn();
}

TEST_F(Line, a_dump_sees_both_directions) {
    std::string const path = testing::TempDir() + "ring3-dump-" + std::to_string(::getpid());
    auto writer = net::PcapWriter::create(path, 65'536);
    ASSERT_TRUE(writer);
    line.observe(*writer, [] {});
    EXPECT_TRUE(line.sent(part(60)));
    backend.guest().arrive({std::vector<u8>(100)});
    turn();
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    std::fseek(file, 0, SEEK_END);
    EXPECT_EQ(std::ftell(file), 24 + 16 + 60 + 16 + 100);
    std::fclose(file);
    ::unlink(path.c_str());
}

} // namespace
} // namespace ring3::app
