#include "monitor/devices/debug_ports.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace ring3 {
namespace {

struct Text final : CharSink {
    std::string text;
    bool room{true};
    bool ready() override { return room; }
    void write(u8 c) override { text.push_back(static_cast<char>(c)); }
};

struct Power final : PowerSwitch {
    std::optional<u32> exit_value;
    std::optional<u8> status;
    int wanted{};
    void power_off() override {}
    void reset() override {}
    void debug_exit(u32 value) override { exit_value = value; }
    void set_exit_status(u8 value) override { status = value; }
    void input_wanted() override { ++wanted; }
};

TEST(DebugPorts, exit_console_and_run_control) {
    Power power;
    Text text;
    DebugExit exit{power};
    exit.write_wide(0, 0x1234'5678, 4);
    EXPECT_EQ(power.exit_value, 0x1234'5678u);
    exit.write(1, 7);
    EXPECT_EQ(power.exit_value, 7u);
    EXPECT_EQ(exit.read(0), 0);
    DebugConsole console{text};
    console.write(0, '!');
    EXPECT_EQ(console.read(0), 0xe9);
    EXPECT_EQ(text.text, "!");
    RunControl run{power};
    run.write(0, 7);
    EXPECT_EQ(power.status, 7);
    EXPECT_EQ(run.read(0), 7);
    run.write(1, 0);
    EXPECT_EQ(power.wanted, 1);
    EXPECT_EQ(run.read(1), '3');
}

} // namespace
} // namespace ring3
