#include "monitor/translator/code_segments.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(CodeSegments, have_a_number_each) {
    CodeSegments segments;
    u32 const first = segments.number_of(0x1230, 0xffff);
    EXPECT_NE(first, 0u);
    EXPECT_NE(segments.number_of(0x1240, 0xffff), first);
    EXPECT_NE(segments.number_of(0x1230, 0xfffe), first);
    EXPECT_EQ(segments.number_of(0x1230, 0xffff), first);
    EXPECT_EQ(segments.base_of(first), 0x1230u);
}

TEST(CodeSegments, have_none_when_the_numbers_are_given_away) {
    CodeSegments segments;
    u32 base = 0;
    while (!segments.full()) EXPECT_NE(segments.number_of(base += 16, 0xffff), 0u);
    EXPECT_EQ(base, 1023u * 16);
    EXPECT_EQ(segments.number_of(base + 16, 0xffff), 0u);
    EXPECT_NE(segments.number_of(16, 0xffff), 0u);
    segments.clear();
    EXPECT_EQ(segments.number_of(base, 0xffff), 1u);
}

} // namespace
} // namespace ring3
