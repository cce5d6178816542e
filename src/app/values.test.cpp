#include "app/values.h"

#include <gtest/gtest.h>

namespace ring3::app {
namespace {

TEST(MemorySize, counts_mebibytes_unless_told_otherwise) {
    EXPECT_EQ(parse_memory_size("512"), u64{512} << 20);
    EXPECT_EQ(parse_memory_size("512M"), u64{512} << 20);
    EXPECT_EQ(parse_memory_size("2G"), u64{2} << 30);
    EXPECT_EQ(parse_memory_size("1.5g"), u64{3} << 29);
    EXPECT_EQ(parse_memory_size("262144K"), u64{256} << 20);
    EXPECT_EQ(parse_memory_size("0"), 0u);
}

TEST(MemorySize, is_rounded_up_to_a_page) {
    EXPECT_EQ(parse_memory_size("1b"), page_size);
}

TEST(MemorySize, refuses_what_is_no_size) {
    for (auto const text : {"", "M", "12X", "-5", "1e9", "12 M", "999999999999T", "nan", "inf"}) {
        auto const size = parse_memory_size(text);
        ASSERT_FALSE(size) << text;
        EXPECT_EQ(size.error().status, ExitStatus::usage);
    }
}

TEST(Date, counts_seconds_since_1970) {
    EXPECT_EQ(parse_date("1970-01-02"), 86400u);
    EXPECT_EQ(parse_date("2024-02-29T23:59:58"), 1709251198u);
}

TEST(Date, refuses_days_that_do_not_exist) {
    for (auto const text :
         {"", "2023-02-29", "2024-13-01", "2024-02-29T24:00:00", "2024-02-29X", "24-2-2", "1969-12-31"})
        EXPECT_FALSE(parse_date(text)) << text;
}

} // namespace
} // namespace ring3::app
