#include "monitor/devices/parallel_port.h"

#include <gtest/gtest.h>

#include <string>

namespace ring3 {
namespace {

struct Text final : CharSink {
    std::string text;
    bool room{true};
    bool ready() override { return room; }
    void write(u8 c) override { text.push_back(static_cast<char>(c)); }
};

TEST(ParallelPort, prints_on_the_strobe_and_acknowledges) {
    ManualClock clock;
    TimerQueue queue{clock};
    OpenLine irq;
    Text paper;
    ParallelPort port{queue, irq, paper};
    EXPECT_EQ(port.read(1), 0xdf);
    EXPECT_EQ(port.read(2), 0xcc);
    port.write(0, 'A');
    EXPECT_EQ(port.read(0), 'A');
    port.write(2, 0x1d);
    port.write(2, 0x1c);
    EXPECT_EQ(paper.text, "A");
    EXPECT_EQ(irq.rises(), 1u);
    port.write(2, 0x0c);
    EXPECT_FALSE(irq.level());
    paper.room = false;
    port.write(0, 'B');
    port.write(2, 0x0d);
    port.write(2, 0x0c);
    EXPECT_EQ(port.read(1), 0x5f) << "busy";
    port.write(0, 'C'); // the printer has latched B
    paper.room = true;
    clock.advance(1'000'000);
    queue.run_expired();
    EXPECT_EQ(paper.text, "AB");
    EXPECT_EQ(port.read(1), 0xdf);
}

} // namespace
} // namespace ring3
