// Disk requests as a monitor sends them, honest and hostile.
#include "app/block_host.h"

#include "base/pc_addresses.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ring3::app {
namespace {

constexpr u64 disk_bytes = 1 << 20, ram_bytes = 1 << 20;

struct BlockHostTest : testing::Test {
    BlockHostTest() {
        char name[] = "block-host-XXXXXX";
        int const file = ::mkstemp(name);
        EXPECT_EQ(::ftruncate(file, disk_bytes), 0);
        ::close(file);
        path = name;
        settings.path = path;
        settings.options.format = image::Format::raw;
    }
    ~BlockHostTest() override {
        if (host) host->detach();
        host.reset();
        ::unlink(path.c_str());
    }
    void open() {
        host = BlockHost::open(loop, std::span{&settings, 1}, [this](std::string const& why) {
                   trouble.push_back(why);
               }).value();
        host->attach(app, ram);
    }
    static driver::BlockRequest request(BlockOperation operation, u64 offset, u32 bytes,
                                        std::vector<BlockSegment> segments = {}) {
        return {0, operation, 7, offset, bytes, std::move(segments)};
    }
    /// The answer to the one request under way.
    BlockStatus answer() {
        for (int turns = 0; turns < 1000; ++turns) {
            if (auto const message = monitor.receive()) {
                EXPECT_EQ(std::get<driver::BlockDone>(*message).tag, 7u);
                return std::get<driver::BlockDone>(*message).status;
            }
            loop.turn(EventLoop::Sleep::may);
        }
        ADD_FAILURE() << "no answer";
        return BlockStatus::io_error;
    }
    BlockStatus ask(driver::BlockRequest const& what) {
        auto const taken = host->request(what);
        EXPECT_TRUE(taken) << taken.error().message;
        return taken ? answer() : BlockStatus::io_error;
    }
    bool refuses(driver::BlockRequest const& what) {
        auto const taken = host->request(what);
        return !taken && taken.error().message.find("broke the rules") != std::string::npos;
    }

    std::string path;
    DriveSettings settings;
    EventLoop loop;
    driver::Channel channel = driver::Channel::create().value();
    driver::AppEnd app = channel.app_end();
    driver::MonitorEnd monitor = channel.monitor_end();
    std::vector<u8> ram = std::vector<u8>(ram_bytes);
    std::vector<std::string> trouble;
    std::unique_ptr<BlockHost> host;
    using enum BlockOperation;
};

TEST_F(BlockHostTest, bytes_move_between_ram_and_disk) {
    open();
    EXPECT_EQ(host->descriptions()[0].bytes, disk_bytes);
    std::fill_n(ram.begin() + 0x1000, 0x300, u8{0xab});
    EXPECT_EQ(ask(request(write, 0x200, 0x400, {{{0x1000}, 0x300}, {{0x5000}, 0x100}})), BlockStatus::done);
    EXPECT_EQ(ask(request(read, 0x200, 0x400, {{{0x8000}, 0x400}})), BlockStatus::done);
    EXPECT_EQ(ram[0x82ff], 0xab);
    EXPECT_EQ(ram[0x8300], 0);
    EXPECT_EQ(ask(request(flush, 0, 0)), BlockStatus::done);
}

TEST_F(BlockHostTest, without_pieces_the_disks_buffer_serves) {
    open();
    monitor.disk_buffer(0)[0] = 0x42;
    EXPECT_EQ(ask(request(write, 0, 512)), BlockStatus::done);
    monitor.disk_buffer(0)[0] = 0;
    EXPECT_EQ(ask(request(read, 0, disk_buffer_bytes)), BlockStatus::done);
    EXPECT_EQ(monitor.disk_buffer(0)[0], 0x42);
}

TEST_F(BlockHostTest, what_no_monitor_asks_ends_the_machine) {
    open();
    auto elsewhere = request(read, 0, 512);
    elsewhere.disk = 1;
    EXPECT_TRUE(refuses(elsewhere));
    EXPECT_TRUE(refuses(request(read, 0, 0)));
    EXPECT_TRUE(refuses(request(read, 0, disk_buffer_bytes + 1)));
    EXPECT_TRUE(refuses(request(read, 0, max_block_bytes + 1, {{{0}, max_block_bytes + 1}})));
    EXPECT_TRUE(refuses(request(read, 0, 512, {{{ram_bytes - 511}, 512}})));
    EXPECT_TRUE(refuses(request(read, 0, 512, {{{ram_bytes}, 512}})));
    EXPECT_TRUE(refuses(request(write, 0, 512, {{{~u64{0} - 100}, 512}})));
    EXPECT_TRUE(refuses(request(read, 0, 512, {{{pc::high_memory}, 512}})));
    EXPECT_TRUE(refuses(request(read, 0, 512, {{{0}, 511}})));
    EXPECT_TRUE(refuses(request(read, 0, 512, {{{0}, 512}, {{0}, 0}})));
    EXPECT_TRUE(refuses(request(flush, 0, 0, {{{0}, 512}})));
}

TEST_F(BlockHostTest, a_flood_of_requests_ends_the_machine) {
    open();
    bool refused = false;
    for (u32 i = 0; i < 2 * driver::BlockRequest::most_under_way && !refused; ++i)
        refused = !host->request(request(flush, 0, 0)); // nobody takes the answers
    EXPECT_TRUE(refused);
}

TEST_F(BlockHostTest, what_a_guest_may_ask_for_gets_a_status) {
    open();
    EXPECT_EQ(ask(request(read, disk_bytes, 512)), BlockStatus::out_of_range);
    EXPECT_EQ(ask(request(read, disk_bytes - 511, 512)), BlockStatus::out_of_range);
    EXPECT_EQ(ask(request(write, ~u64{0} - 100, 512)), BlockStatus::out_of_range);
    EXPECT_EQ(ask(request(discard, 0, static_cast<u32>(disk_bytes))), BlockStatus::done);
    EXPECT_EQ(ask(request(write_zeroes, 0, 4096)), BlockStatus::done);
}

TEST_F(BlockHostTest, a_read_only_disk_is_not_written) {
    settings.options.access = image::Access::read_only;
    open();
    EXPECT_TRUE(host->descriptions()[0].is_read_only);
    EXPECT_EQ(ask(request(write, 0, 512)), BlockStatus::read_only);
    EXPECT_EQ(ask(request(read, 0, 512)), BlockStatus::done);
}

TEST_F(BlockHostTest, a_drive_without_a_medium_answers_with_an_error) {
    settings.path.clear();
    open();
    EXPECT_EQ(host->descriptions()[0].bytes, 0u);
    EXPECT_NE(ask(request(read, 0, 512)), BlockStatus::done);
}

/// A medium whose host fails while `fault` is set.
struct FailingImage final : image::Image {
    explicit FailingImage(std::optional<image::Fault> const& which)
        : Image{"broken", image::Access::read_write}, fault{which} {
        set_size(disk_bytes);
    }
    std::string_view format() const override { return "failing"; }
    image::IoResult<void> answer() const {
        if (fault) return image::io_failure(*fault, "'broken' fails");
        return {};
    }
    image::IoResult<void> do_read(u64, image::Segments) override { return answer(); }
    image::IoResult<void> do_write(u64, image::Segments) override { return answer(); }
    image::IoResult<void> do_write_zeroes(u64, u64, image::Unmap) override { return answer(); }
    image::IoResult<void> do_discard(u64, u64) override { return answer(); }
    image::IoResult<void> do_flush() override { return answer(); }
    image::IoResult<void> do_resize(u64) override { return answer(); }
    image::IoResult<image::Extent> do_extent_at(u64, u64 bytes) override { return image::Extent{.bytes = bytes}; }
    std::optional<image::Fault> const& fault;
};

struct FailingDisk : BlockHostTest {
    void open_failing(OnDiskError on_read, OnDiskError on_write) {
        settings.on_read_error = on_read, settings.on_write_error = on_write;
        std::vector<std::unique_ptr<image::Image>> images;
        images.push_back(std::make_unique<FailingImage>(fault));
        host = BlockHost::create(loop, std::span{&settings, 1}, std::move(images), [this](std::string const& why) {
                   trouble.push_back(why);
               }).value();
        host->attach(app, ram);
    }
    void turn_until_trouble() {
        for (int i = 0; i < 1000 && trouble.empty(); ++i) loop.turn(EventLoop::Sleep::may);
    }
    std::optional<image::Fault> fault{image::Fault::io};
};

TEST_F(FailingDisk, errors_are_reported) {
    open_failing(OnDiskError::report, OnDiskError::report);
    EXPECT_EQ(ask(request(read, 0, 512)), BlockStatus::io_error);
    fault = image::Fault::no_space;
    EXPECT_EQ(ask(request(write, 0, 512)), BlockStatus::no_space);
    EXPECT_FALSE(host->close());
    EXPECT_TRUE(trouble.empty());
}

TEST_F(FailingDisk, or_ignored) {
    open_failing(OnDiskError::ignore, OnDiskError::ignore);
    EXPECT_EQ(ask(request(read, 0, 512)), BlockStatus::done);
    EXPECT_EQ(ask(request(write, 0, 512)), BlockStatus::done);
}

TEST_F(FailingDisk, or_stop_the_machine_and_what_failed_is_tried_again) {
    open_failing(OnDiskError::report, OnDiskError::stop);
    ASSERT_TRUE(host->request(request(write, 0, 512)));
    turn_until_trouble();
    ASSERT_EQ(trouble.size(), 1u);
    EXPECT_EQ(trouble[0], "'broken' fails");
    EXPECT_FALSE(monitor.receive()); // the guest hears nothing
    host->retry();
    for (int i = 0; i < 1000 && trouble.size() < 2; ++i) loop.turn(EventLoop::Sleep::may);
    EXPECT_EQ(trouble.size(), 2u); // still no better
    fault.reset();
    host->retry();
    EXPECT_EQ(answer(), BlockStatus::done);
}

TEST_F(FailingDisk, a_full_host_disk_stops_the_machine_and_other_errors_do_not) {
    open_failing(OnDiskError::report, OnDiskError::stop_if_full);
    EXPECT_EQ(ask(request(write, 0, 512)), BlockStatus::io_error);
    fault = image::Fault::no_space;
    ASSERT_TRUE(host->request(request(write, 0, 512)));
    turn_until_trouble();
    EXPECT_EQ(trouble.size(), 1u);
    EXPECT_FALSE(monitor.receive());
}

TEST_F(BlockHostTest, a_reset_finds_nothing_under_way) {
    open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(host->request(request(write, 0, 4096, {{{0}, 4096}})));
    host->detach();
    std::vector<u8>().swap(ram); // nobody writes to it now
    ram.resize(ram_bytes);
    while (monitor.receive()) {
    }
    host->attach(app, ram);
    EXPECT_EQ(ask(request(read, 0, 512, {{{0}, 512}})), BlockStatus::done);
    EXPECT_TRUE(host->close());
}

TEST_F(BlockHostTest, the_medium_of_a_cd_rom_drive_can_be_changed) {
    settings.drive.kind = DriveKind::ide_cdrom;
    settings.drive.unit = 2;
    settings.options.access = image::Access::read_only;
    open();
    EXPECT_EQ(host->list(), "ide1-cd0: " + path + " (raw, read-only)\n");
    ASSERT_TRUE(host->change_medium("ide1-cd0", ""));
    EXPECT_EQ(host->list(), "ide1-cd0: [not inserted]\n");
    auto message = monitor.receive();
    ASSERT_TRUE(message && std::holds_alternative<driver::MediumChanged>(*message));
    EXPECT_EQ(std::get<driver::MediumChanged>(*message).size, 0u);
    EXPECT_NE(ask(request(read, 0, 512)), BlockStatus::done);
    ASSERT_TRUE(host->change_medium("ide1-cd0", path));
    message = monitor.receive();
    ASSERT_TRUE(message && std::holds_alternative<driver::MediumChanged>(*message));
    EXPECT_EQ(std::get<driver::MediumChanged>(*message).size, disk_bytes);
    EXPECT_EQ(ask(request(read, 0, 512)), BlockStatus::done);
    EXPECT_FALSE(host->change_medium("ide0-hd0", path));
    EXPECT_FALSE(host->change_medium("ide1-cd0", "/nonexistent/disc"));
    EXPECT_EQ(ask(request(read, 0, 512)), BlockStatus::done); // the old one is still in
}

} // namespace
} // namespace ring3::app
