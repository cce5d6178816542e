#include "app/comma_list.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

TEST(CommaList, splits_at_single_commas_only) {
    EXPECT_EQ(split_commas("a,b,,c,d"), (std::vector<std::string>{"a", "b,c", "d"}));
    EXPECT_EQ(split_commas(",,,,"), (std::vector<std::string>{",,"}));
    EXPECT_EQ(split_commas(",,,"), (std::vector<std::string>{",", ""}));
    EXPECT_TRUE(split_commas("").empty());
}

TEST(CommaList, a_bare_head_is_the_value_of_its_key) {
    CommaList list{"pc,accel=tcg", "type"};
    EXPECT_EQ(list.take("type"), "pc");
    EXPECT_EQ(list.take("accel"), "tcg");
    EXPECT_TRUE(list.finish("-machine"));
}

TEST(CommaList, the_last_of_equal_keys_wins) {
    CommaList list{"size=1,size=2"};
    EXPECT_EQ(list.take("size"), "2");
    EXPECT_FALSE(list.take("size"));
}

TEST(CommaList, what_is_left_over_is_named) {
    CommaList list{"pc,colour=red", "type"};
    list.take("type");
    auto const end = list.finish("-machine");
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().status, ExitStatus::usage);
    EXPECT_EQ(end.error().message, "option '-machine' does not know 'colour'");
}

TEST(CommaList, switches_have_several_spellings) {
    EXPECT_EQ(CommaList{"server"}.take_switch("server").value(), std::optional{true});
    EXPECT_EQ(CommaList{"server=yes"}.take_switch("server").value(), std::optional{true});
    EXPECT_EQ(CommaList{"nowait"}.take_switch("wait").value(), std::optional{false});
    EXPECT_EQ(CommaList{"wait=off"}.take_switch("wait").value(), std::optional{false});
    EXPECT_EQ(CommaList{""}.take_switch("wait").value(), std::optional<bool>{});
    EXPECT_FALSE(CommaList{"wait=perhaps"}.take_switch("wait"));
}

TEST(CommaList, numbers_are_checked_against_their_range) {
    EXPECT_EQ(CommaList{"iobase=0xf4"}.take_number("iobase", 0xffff).value(), std::optional<u64>{0xf4});
    EXPECT_FALSE(CommaList{"iobase=0x10000"}.take_number("iobase", 0xffff));
    EXPECT_FALSE(CommaList{"iobase=ten"}.take_number("iobase", 0xffff));
    EXPECT_FALSE(CommaList{"iobase=-1"}.take_number("iobase", 0xffff));
    EXPECT_FALSE(parse_number("", 9));
    EXPECT_FALSE(parse_number("99999999999999999999999", ~u64{}));
}

} // namespace
} // namespace ring3::app
