#include "app/serial_line.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace ring3::app {
namespace {

class Outside final : public Chardev {
public:
    void write(std::string_view bytes) override { text += bytes; }
    bool has_room() const override { return true; }
    bool drained() const override { return true; }
    std::string text;
};

class SerialLineTest : public ::testing::Test {
protected:
    SerialLine& make(SerialSettings settings) {
        line.emplace(loop, outside, u8{1}, settings);
        line->attach(&app);
        return *line;
    }
    /// What the monitor has got so far.
    std::string received() {
        std::string bytes;
        while (auto const message = monitor.receive())
            if (auto const* in = std::get_if<driver::SerialIn>(&*message)) bytes += in->bytes;
        return bytes;
    }
    EventLoop loop;
    Outside outside;
    driver::Channel channel = driver::Channel::create().value();
    driver::AppEnd app = channel.app_end();
    driver::MonitorEnd monitor = channel.monitor_end();
    std::optional<SerialLine> line;
};

TEST_F(SerialLineTest, input_travels_in_windows) {
    auto& serial = make({});
    serial.input(std::string(10'000, 'x'));
    EXPECT_EQ(received().size(), driver::SerialIn::window);
    EXPECT_FALSE(serial.wants_input());
    EXPECT_TRUE(serial.taken(driver::SerialIn::window));
    EXPECT_EQ(received().size(), driver::SerialIn::window);
    EXPECT_TRUE(serial.taken(driver::SerialIn::window));
    EXPECT_EQ(received().size(), 10'000 - 2 * driver::SerialIn::window);
    EXPECT_TRUE(serial.wants_input());
}

TEST_F(SerialLineTest, nobody_can_take_more_than_was_sent) {
    auto& serial = make({});
    serial.input("abc");
    EXPECT_FALSE(serial.taken(4));
    EXPECT_TRUE(serial.taken(3));
    EXPECT_FALSE(serial.taken(1));
}

TEST_F(SerialLineTest, input_waits_until_the_guest_wants_it) {
    auto& serial = make({.wait_until_wanted = true});
    EXPECT_FALSE(serial.wants_input());
    serial.input("early");
    EXPECT_EQ(received(), "");
    serial.input_wanted();
    EXPECT_EQ(received(), "early");
}

TEST_F(SerialLineTest, flow_control_holds_input_back) {
    auto& serial = make({.flow_control = true});
    serial.input("a");
    EXPECT_EQ(received(), "");
    serial.set_modem_lines(true);
    EXPECT_EQ(received(), "a");
    serial.set_modem_lines(false);
    EXPECT_FALSE(serial.wants_input());
}

TEST_F(SerialLineTest, the_end_of_input_is_an_end_of_file_for_a_terminal) {
    auto& serial = make({.far_end = FarEnd::reads_lines});
    serial.input("line\n");
    EXPECT_TRUE(serial.taken(5));
    serial.input_ended();
    EXPECT_EQ(received(), "line\n\x04");
}

TEST_F(SerialLineTest, an_unfinished_last_line_needs_two_ends) {
    auto& serial = make({.far_end = FarEnd::reads_lines});
    serial.input("x");
    EXPECT_TRUE(serial.taken(1));
    serial.input_ended();
    EXPECT_EQ(received(), "x\x04\x04");
}

TEST_F(SerialLineTest, an_unknown_far_end_gets_no_end_of_file) {
    auto& serial = make({});
    serial.input_ended();
    EXPECT_EQ(received(), "");
}

TEST_F(SerialLineTest, a_new_monitor_starts_afresh) {
    auto& serial = make({.wait_until_wanted = true});
    serial.input_wanted();
    serial.input("abc");
    serial.attach(&app);
    EXPECT_FALSE(serial.taken(1));
    EXPECT_FALSE(serial.wants_input());
}

TEST(QuoteForTerminal, control_characters_are_taken_literally) {
    std::size_t in_line = 0;
    EXPECT_EQ(quote_for_terminal("a\tb\n", in_line), "a\tb\n");
    EXPECT_EQ(quote_for_terminal("\x04\r\x7f\x16", in_line), "\x16\x04\x16\r\x16\x7f\x16\x16");
    EXPECT_EQ(in_line, 4u);
}

TEST(QuoteForTerminal, long_lines_are_passed_on_in_pieces) {
    std::size_t in_line = 0;
    auto const out = quote_for_terminal(std::string(3000, 'x'), in_line);
    EXPECT_EQ(std::ranges::count(out, '\x04'), 2);
    EXPECT_EQ(in_line, 3000u - 2048u);
}

} // namespace
} // namespace ring3::app
