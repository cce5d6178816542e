#include "app/line_filter.h"

#include <gtest/gtest.h>
#include <vector>

namespace ring3::app {
namespace {

std::vector<std::string> lines_of(std::string_view bytes) {
    std::vector<std::string> lines;
    LineFilter filter{[&](std::string_view line) { lines.emplace_back(line); }};
    filter.write(bytes);
    filter.flush();
    return lines;
}
using Lines = std::vector<std::string>;

TEST(LineFilter, cuts_at_line_feeds_and_drops_carriage_returns_before_them) {
    EXPECT_EQ(lines_of("one\r\ntwo\n\nthree"), (Lines{"one", "two", "", "three"}));
}

TEST(LineFilter, takes_colours_titles_and_character_sets_out) {
    EXPECT_EQ(lines_of("\x1b[1;31mred\x1b[0m \x1b]0;title\aplain\x1b(B\n"), (Lines{"red plain"}));
    EXPECT_EQ(lines_of("\x1b]2;title\x1b\\x\n"), (Lines{"x"}));
}

TEST(LineFilter, a_move_of_the_cursor_ends_the_line) {
    EXPECT_EQ(lines_of("GRUB\x1b[2;5Hmenu\x1b[2J\x1b[1;1H"), (Lines{"GRUB", "menu"}));
}

TEST(LineFilter, what_is_written_over_is_not_shown) {
    EXPECT_EQ(lines_of("10%\r20%\r100%\ndone\n"), (Lines{"100%", "done"}));
    EXPECT_EQ(lines_of("abx\bc\n\b\bd\n"), (Lines{"abc", "d"}));
}

TEST(LineFilter, endless_lines_and_sequences_have_an_end) {
    auto const lines = lines_of(std::string(10'000, 'x'));
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].size(), 4096u);
    EXPECT_EQ(lines_of("\x1b[" + std::string(1000, '1') + "end\n").size(), 1u);
}

TEST(LineFilter, keeps_letters_of_other_languages_and_tabs_but_no_control_characters) {
    EXPECT_EQ(lines_of("\x01gr\xc3\xbc\xc3\x9f\x7f\te\a\n"), (Lines{"gr\xc3\xbc\xc3\x9f\te"}));
}

} // namespace
} // namespace ring3::app
