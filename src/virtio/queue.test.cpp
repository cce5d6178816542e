// Queues with honest drivers, and with all the lies that fit into a ring.
#include "virtio/test_driver.h"

#include <gtest/gtest.h>

namespace ring3::virtio {
namespace {

struct QueueTest : testing::Test {
    std::vector<u8> ram = std::vector<u8>(1 << 20);
    TestDriver driver{ram};
    bool breaks(u64 features = 0) {
        Queue queue = driver.queue(features);
        Chain chain;
        bool const taken = queue.take(chain);
        return !taken && !queue.broken().empty() && !queue.take(chain);
    }
};

TEST_F(QueueTest, a_chain_is_taken_and_given_back) {
    u16 const head = driver.offer({{0x8000, 16, false}, {0x9000, 512, true}, {0x9200, 1, true}});
    Queue queue = driver.queue();
    auto const chain = queue.take();
    ASSERT_TRUE(chain);
    EXPECT_EQ(total_bytes(chain->readable()), 16u);
    EXPECT_EQ(total_bytes(chain->writable()), 513u);
    EXPECT_FALSE(queue.take());
    queue.put(*chain, 513);
    EXPECT_EQ(driver.used(0), (TestDriver::Used{head, 513}));
    EXPECT_EQ(driver.used_index(), 0); // the monitor's to write
    auto const completions = queue.complete();
    EXPECT_TRUE(completions.any);
    EXPECT_EQ(completions.used, 1);
    ASSERT_EQ(completions.written.size(), 1u); // neighbours are one piece
    EXPECT_EQ(completions.written[0], (BlockSegment{{0x9000}, 513}));
    EXPECT_FALSE(queue.has_completions());
}

TEST_F(QueueTest, a_queue_outside_of_ram_or_of_an_odd_size_is_refused) {
    GuestMemory const memory{ram};
    auto const refused = [&](auto&& change) {
        VirtioQueueSetup setup = driver.setup();
        change(setup);
        return !Queue::create(memory, 0, setup);
    };
    EXPECT_TRUE(refused([](auto& setup) { setup.size = 3; }));
    EXPECT_TRUE(refused([](auto& setup) { setup.size = 0; }));
    EXPECT_TRUE(refused([](auto& setup) { setup.size = 2048; }));
    EXPECT_TRUE(refused([](auto& setup) { setup.descriptors.raw = 8; }));
    EXPECT_TRUE(refused([](auto& setup) { setup.used.raw = 0xffff'fff0; }));
    EXPECT_TRUE(refused([](auto& setup) { setup.available.raw = (1 << 20) - 2; }));
    EXPECT_TRUE(refused([](auto& setup) { setup.descriptors.raw = ~u64{15}; }));
}

TEST_F(QueueTest, lies_in_descriptors_break_the_queue) {
    driver.announce(8);
    EXPECT_TRUE(breaks()); // a head beyond the table
    driver.forget();
    driver.describe(0, 0x8000, 1, 1, 0);
    driver.announce(0);
    EXPECT_TRUE(breaks()); // a chain that follows itself
    driver.describe(0, 0x8000, 1, 1, 99);
    EXPECT_TRUE(breaks()); // a next beyond the table
    driver.describe(0, 1 << 20, 1, 0, 0);
    EXPECT_TRUE(breaks()); // not RAM
    driver.describe(0, 0xf'ffff, 2, 0, 0);
    EXPECT_TRUE(breaks()); // not all of it
    driver.describe(0, 0x8000, 1, 3, 1);
    driver.describe(1, 0x9000, 1, 0, 0);
    EXPECT_TRUE(breaks()); // to be read behind to be written
}

TEST_F(QueueTest, lies_in_indirect_tables_break_the_queue) {
    u64 const table = 0x8000;
    driver.announce(0);
    driver.describe(0, table, 16, 4, 0);
    driver.put(table + 12, u16{0});
    EXPECT_TRUE(breaks()); // not negotiated
    EXPECT_FALSE(breaks(virtio_feature::indirect));
    driver.put(table + 12, u16{4});
    EXPECT_TRUE(breaks(virtio_feature::indirect)); // a table in a table
    driver.describe(0, table, 17, 4, 0);
    EXPECT_TRUE(breaks(virtio_feature::indirect));
    driver.describe(0, table, 0, 4, 0);
    EXPECT_TRUE(breaks(virtio_feature::indirect));
    driver.describe(0, table, 16 * 1025, 4, 0);
    EXPECT_TRUE(breaks(virtio_feature::indirect));
    driver.describe(0, table, 16, 5, 1);
    EXPECT_TRUE(breaks(virtio_feature::indirect));
    driver.describe(0, 0xf'fff8, 16, 4, 0);
    EXPECT_TRUE(breaks(virtio_feature::indirect));
    driver.describe(0, table, 32, 4, 0);
    driver.put(table + 12, u16{1}), driver.put(table + 14, u16{0});
    EXPECT_TRUE(breaks(virtio_feature::indirect)); // a loop in the table
}

TEST_F(QueueTest, more_buffers_than_places_break_the_queue) {
    driver.put(driver.base + 0x1002, u16{9});
    EXPECT_TRUE(breaks());
    // Nor may a driver use places again of which it was not told.
    TestDriver second{ram};
    Queue queue = second.queue();
    for (int i = 0; i < 8; ++i) {
        second.offer({{0x8000, 1, false}});
        queue.put(queue.take().value(), 0);
    }
    second.offer({{0x8000, 1, false}});
    EXPECT_FALSE(queue.take());
    EXPECT_FALSE(queue.broken().empty());
}

TEST_F(QueueTest, notifications_are_wanted_only_of_an_empty_queue) {
    Queue plain = driver.queue();
    driver.offer({{0x8000, 1, false}});
    EXPECT_TRUE(plain.take());
    EXPECT_EQ(driver.used_flags(), 1);
    EXPECT_FALSE(plain.take());
    EXPECT_EQ(driver.used_flags(), 0);

    TestDriver other{ram, 0x10000};
    Queue indexed = other.queue(virtio_feature::event_index);
    for (int i = 0; i < 3; ++i) other.offer({{0x8000, 1, false}});
    EXPECT_TRUE(indexed.take());
    EXPECT_EQ(other.available_event(), 0);
    EXPECT_TRUE(indexed.take() && indexed.take() && !indexed.take());
    EXPECT_EQ(other.available_event(), 3);
}

TEST_F(QueueTest, a_queue_that_publishes_tells_only_of_interrupts) {
    Queue queue = driver.queue();
    queue.publish_directly();
    driver.put(driver.base + 0x1000, u16{1}); // no interrupts
    driver.offer({{0x8000, 1, false}});
    queue.put(queue.take().value(), 0);
    EXPECT_FALSE(queue.complete().any);
    EXPECT_EQ(driver.used_index(), 1);
    driver.put(driver.base + 0x1000, u16{0});
    driver.offer({{0x8000, 1, false}});
    queue.put(queue.take().value(), 0);
    auto const completions = queue.complete();
    EXPECT_TRUE(completions.any && completions.published);
    EXPECT_EQ(driver.used_index(), 2);
}

TEST_F(QueueTest, time_is_shared) {
    Queue queue = driver.queue();
    for (int i = 0; i < 3; ++i) driver.offer({{0x8000, 1, false}});
    queue.refill(2);
    EXPECT_TRUE(queue.take() && queue.take());
    EXPECT_FALSE(queue.take());
    EXPECT_TRUE(queue.wants_more_time());
    queue.refill(2);
    EXPECT_TRUE(queue.take());
    EXPECT_FALSE(queue.take());
    EXPECT_FALSE(queue.wants_more_time());
}

} // namespace
} // namespace ring3::virtio
