#include "app/multiplexer.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

class FakeTerminal final : public Chardev {
public:
    void write(std::string_view bytes) override { screen += bytes; }
    bool has_room() const override { return true; }
    bool drained() const override { return true; }
    void type(std::string_view keys) { user_->input(keys); }
    bool accepts_keys() const { return user_->wants_input(); }
    void end() { user_->input_ended(); }
    std::string screen;
};

struct FakeUser final : CharUser {
    bool wants_input() const override { return open; }
    void input(std::string_view bytes) override { got += bytes; }
    void input_ended() override { ended = true; }
    void focused() override { ++focus; }
    void send_break() override { ++breaks; }
    std::string got;
    bool open{true}, ended{};
    int focus{}, breaks{};
};

class MultiplexerTest : public ::testing::Test {
protected:
    MultiplexerTest() {
        serial_port.set_user(&serial);
        console_port.set_user(&console);
    }
    FakeTerminal terminal;
    u64 now{};
    int quits{};
    Multiplexer multiplexer{terminal, {.quit = [this] { ++quits; }, .milliseconds = [this] { return now; }}};
    Chardev& serial_port = multiplexer.add_port();
    Chardev& console_port = multiplexer.add_port();
    FakeUser serial, console;
};

TEST_F(MultiplexerTest, keys_go_to_the_first_user_until_control_a_c) {
    terminal.type("ab\x01"
                  "cde");
    EXPECT_EQ(serial.got, "ab");
    EXPECT_EQ(console.got, "de");
    EXPECT_EQ(console.focus, 1);
    terminal.type("\x01");
    terminal.type("cf");
    EXPECT_EQ(serial.got, "abf");
}

TEST_F(MultiplexerTest, control_a_twice_is_one_control_a) {
    terminal.type("\x01\x01x");
    EXPECT_EQ(serial.got, "\x01x");
    EXPECT_EQ(quits, 0);
}

TEST_F(MultiplexerTest, x_ends_and_b_breaks_and_h_helps) {
    terminal.type("\x01x\x01"
                  "b\x01h");
    EXPECT_EQ(quits, 1);
    EXPECT_EQ(serial.breaks, 1);
    EXPECT_NE(terminal.screen.find("C-a x    end"), std::string::npos);
    EXPECT_EQ(serial.got, "");
}

TEST_F(MultiplexerTest, s_says_that_there_is_nothing_to_save) {
    terminal.type("\x01s");
    EXPECT_NE(terminal.screen.find("no disk has a snapshot to commit"), std::string::npos);
}

TEST_F(MultiplexerTest, both_users_write_whoever_has_the_focus) {
    serial_port.write("one");
    console_port.write("two");
    EXPECT_EQ(terminal.screen, "onetwo");
}

TEST_F(MultiplexerTest, time_stamps_start_each_line) {
    serial_port.write("x\n");
    terminal.type("\x01t");
    now = 61'005;
    serial_port.write("a\nb");
    serial_port.write("c\n");
    EXPECT_EQ(terminal.screen, "x\n[00:01:01.005] a\n[00:01:01.005] bc\n");
}

TEST_F(MultiplexerTest, keys_wait_for_a_user_who_is_busy_but_x_still_works) {
    serial.open = false;
    terminal.type("abc");
    EXPECT_EQ(serial.got, "");
    EXPECT_TRUE(terminal.accepts_keys());
    terminal.type("\x01x");
    EXPECT_EQ(quits, 1);
    serial.open = true;
    terminal.type("d");
    EXPECT_EQ(serial.got, "abcd");
}

TEST_F(MultiplexerTest, a_busy_user_stops_the_reading_in_the_end) {
    serial.open = false;
    terminal.type(std::string(5000, 'x'));
    EXPECT_FALSE(terminal.accepts_keys());
}

TEST_F(MultiplexerTest, the_end_of_input_comes_after_the_input) {
    serial.open = false;
    terminal.type("a");
    terminal.end();
    EXPECT_FALSE(serial.ended);
    serial.open = true;
    serial_port.resume_input();
    EXPECT_EQ(serial.got, "a");
    EXPECT_TRUE(serial.ended);
}

} // namespace
} // namespace ring3::app
