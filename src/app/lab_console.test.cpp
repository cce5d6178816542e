#include "app/lab_console.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

class LabConsoleTest : public ::testing::Test {
protected:
    /// What was written since the last call.
    std::string written() { return std::exchange(screen, {}); }

    std::string screen, typed;
    std::optional<std::size_t> shown;
    int ends{};
    LabConsole console{
        {"web", "client"},
        false,
        {.write = [this](std::string_view text) { screen += text; },
         .type = [this](std::size_t i, std::string_view keys) { typed += std::to_string(i).append(keys); },
         .state = [](std::size_t i) { return i == 0 ? "running" : "has ended"; },
         .shown = [this](std::optional<std::size_t> i) { shown = i; },
         .end_all = [this] { ++ends; }}};
};

TEST_F(LabConsoleTest, lines_stand_behind_names_of_one_width) {
    console.output(0, "one\r\ntw");
    console.output(1, "other\n");
    console.output(0, "o\n");
    EXPECT_EQ(written(), "web    | one\nclient | other\nweb    | two\n");
}

TEST_F(LabConsoleTest, a_prompt_is_shown_when_nothing_follows) {
    console.output(1, "login: ");
    EXPECT_TRUE(console.has_begun_lines());
    EXPECT_EQ(written(), "");
    console.flush();
    EXPECT_EQ(written(), "client | login: \n");
    EXPECT_FALSE(console.has_begun_lines());
}

TEST_F(LabConsoleTest, keys_reach_nobody_until_a_machine_is_shown) {
    console.input("ab");
    EXPECT_EQ(typed, "");
    EXPECT_NE(written().find("Ctrl-a 1"), std::string::npos);
    console.input("c");
    EXPECT_EQ(written(), "") << "said once";
    console.input("\x01"
                  "2x\x01\x01"
                  "y\x01"
                  "c");
    EXPECT_EQ(shown, 1u);
    EXPECT_EQ(typed, "1x1\x01\x01"
                     "1y1\x01"
                     "c");
}

TEST_F(LabConsoleTest, a_machine_that_is_shown_has_the_screen_alone_and_its_past) {
    console.output(0, "past\n");
    written();
    console.input("\x01"
                  "1");
    EXPECT_NE(written().find("past\n"), std::string::npos);
    console.output(0, "\x1b[1mraw");
    console.output(1, "not now\n");
    EXPECT_EQ(written(), "\x1b[1mraw");
    console.message(1, "ring3: trouble\n");
    EXPECT_EQ(written(), "\r\nclient | ring3: trouble\n");
    console.input("\x01"
                  "0");
    EXPECT_EQ(shown, std::nullopt);
    written();
    console.output(1, "again\n");
    EXPECT_EQ(written(), "client | again\n");
}

TEST_F(LabConsoleTest, next_and_previous_go_round) {
    console.input("\x01n");
    EXPECT_EQ(shown, 0u);
    console.input("\x01p");
    EXPECT_EQ(shown, 1u);
    console.input("\x01n");
    EXPECT_EQ(shown, 0u);
    console.input("\x01"
                  "9");
    EXPECT_EQ(shown, 0u) << "there is no ninth";
}

TEST_F(LabConsoleTest, the_list_has_states_and_x_ends_all_or_the_one) {
    console.input("\x01l");
    EXPECT_EQ(written(), "\r\n 1 web: running\n 2 client: has ended\n");
    console.input("\x01"
                  "1\x01x");
    EXPECT_EQ(ends, 0);
    EXPECT_EQ(typed, "0\x01x");
    console.input("\x01"
                  "0\x01x");
    EXPECT_EQ(ends, 1);
}

TEST_F(LabConsoleTest, when_the_one_that_is_shown_ends_all_are_shown) {
    console.input("\x01"
                  "1");
    console.ended(0);
    EXPECT_EQ(shown, std::nullopt);
    console.output(1, "half a line");
    written();
    console.ended(1);
    EXPECT_EQ(written(), "client | half a line\n");
}

} // namespace
} // namespace ring3::app
