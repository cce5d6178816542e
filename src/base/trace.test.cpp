#include "base/trace.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(TraceRing, keeps_the_newest_records_in_order) {
    TraceRing ring{};
    for (u64 i = 0; i < TraceRing::capacity + 5; ++i) ring.record(TraceKind::interrupt, i, i, 0);
    auto const tail = ring.tail(3);
    ASSERT_EQ(tail.size(), 3u);
    EXPECT_EQ(tail.front().a, TraceRing::capacity + 2);
    EXPECT_EQ(tail.back().a, TraceRing::capacity + 4);
    EXPECT_EQ(ring.tail(1 << 20).size(), TraceRing::capacity);
}

TEST(TraceRing, an_empty_ring_has_no_tail) {
    EXPECT_TRUE(TraceRing{}.tail(10).empty());
}

TEST(TraceRecord, describes_itself_in_one_line) {
    TraceRecord const record{12'345'678'000, 0xc0001000, 2, static_cast<u16>(TraceKind::page_fault), {}};
    EXPECT_EQ(describe(record), "12.345678 page_fault cr2=0xc0001000 error=0x2");
}

TEST(TraceRecord, a_kind_out_of_range_is_described_too) {
    TraceRecord const record{0, 1, 2, 999, {}};
    EXPECT_EQ(describe(record), "0.000000 none a=0x1 b=0x2");
}

} // namespace
} // namespace ring3
