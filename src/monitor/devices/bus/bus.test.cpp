#include "monitor/devices/bus/clock.h"
#include "monitor/devices/bus/line.h"
#include "monitor/devices/bus/port_bus.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

struct Latch : PortDevice {
    u8 bytes[4]{};
    u8 read(u16 offset) override { return bytes[offset]; }
    void write(u16 offset, u8 value) override { bytes[offset] = value; }
};

TEST(PortBus, unclaimed_ports_read_as_ones_and_swallow_writes) {
    PortBus bus;
    EXPECT_EQ(bus.read(0x1234, 1), 0xffu);
    EXPECT_EQ(bus.read(0x1234, 4), 0xffff'ffffu);
    bus.write(0xffff, 0x1234'5678, 4);
}

TEST(PortBus, wide_accesses_fall_apart_at_a_range_end) {
    PortBus bus;
    Latch latch;
    ASSERT_TRUE(bus.claim({0x100, 4}, latch));
    bus.write(0x102, 0x4433'2211, 4);
    EXPECT_EQ(latch.bytes[2], 0x11);
    EXPECT_EQ(latch.bytes[3], 0x22);
    EXPECT_EQ(bus.read(0x103, 2), 0xff22u);
    EXPECT_EQ(bus.read(0x0ff, 2), 0x00ffu);
}

TEST(PortBus, two_devices_cannot_claim_one_port) {
    PortBus bus;
    Latch a, b;
    EXPECT_TRUE(bus.claim({0x100, 4}, a));
    EXPECT_FALSE(bus.claim({0x103, 1}, b));
    EXPECT_FALSE(bus.claim({0xffff, 2}, b)) << "past the end of the port space";
    bus.release({0x100, 4});
    EXPECT_TRUE(bus.claim({0x103, 1}, b));
}

TEST(TimerQueue, runs_expired_timers_in_deadline_order) {
    ManualClock clock;
    TimerQueue queue{clock};
    std::vector<int> order;
    Timer late{queue, [&] { order.push_back(2); }};
    Timer early{queue, [&] { order.push_back(1); }};
    late.arm(200);
    early.arm(100);
    EXPECT_EQ(queue.next_deadline(), 100u);
    queue.run_expired();
    EXPECT_TRUE(order.empty());
    clock.advance(200);
    queue.run_expired();
    EXPECT_EQ(order, (std::vector{1, 2}));
    EXPECT_EQ(queue.next_deadline(), Timer::never);
}

TEST(TimerQueue, a_timer_may_arm_itself_again) {
    ManualClock clock;
    TimerQueue queue{clock};
    int runs = 0;
    Timer* self = nullptr;
    Timer timer{queue, [&] {
                    if (++runs < 3) self->arm(10 * static_cast<u64>(runs));
                }};
    self = &timer;
    timer.arm(5);
    clock.advance(100);
    queue.run_expired();
    EXPECT_EQ(runs, 3);
    EXPECT_FALSE(timer.armed());
}

} // namespace
} // namespace ring3
