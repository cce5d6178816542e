#include "app/key_names.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

TEST(KeyNames, combinations_are_pressed_in_their_order) {
    EXPECT_EQ(keys_named("a"), (std::vector<Key>{{0x1c, false}}));
    EXPECT_EQ(keys_named("ctrl-alt-delete"), (std::vector<Key>{{0x14, false}, {0x11, false}, {0x71, true}}));
}

TEST(KeyNames, what_is_no_key_is_refused) {
    for (auto const* text : {"", "-", "a-", "nokey", "ctrl-nokey", "a-b-c-d"}) EXPECT_FALSE(keys_named(text)) << text;
}

} // namespace
} // namespace ring3::app
