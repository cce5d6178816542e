#include "allocator/allocator.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

constexpr u64 gibibyte = u64{1} << 30, none = ~u64{0};

HostResources host_with(u64 memory) {
    return {memory, none, none, 65530};
}

TEST(Allocator, grants_what_the_host_has) {
    Allocator allocator{host_with(4 * gibibyte)};
    auto const grant = allocator.grant_memory(4 * gibibyte);
    ASSERT_TRUE(grant);
    EXPECT_EQ(grant->bytes(), 4 * gibibyte);
    EXPECT_EQ(allocator.granted_memory(), 4 * gibibyte);
}

TEST(Allocator, refuses_more_than_that_in_one_line) {
    Allocator allocator{host_with(4 * gibibyte)};
    auto const refusal = allocator.grant_memory(5 * gibibyte);
    ASSERT_FALSE(refusal);
    EXPECT_EQ(refusal.error().status, ExitStatus::host_lacks);
    EXPECT_EQ(refusal.error().message,
              "5120 MiB of memory for a guest: this host has 4096 MiB: give the guest less with -m");
    EXPECT_EQ(allocator.granted_memory(), 0u);
}

TEST(Allocator, counts_what_other_guests_have) {
    Allocator allocator{host_with(4 * gibibyte)};
    auto const first = allocator.grant_memory(3 * gibibyte);
    auto const second = allocator.grant_memory(2 * gibibyte);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, "2048 MiB of memory for a guest: this host has 4096 MiB, of which other guests "
                                      "have 3072: give the guest less with -m");
}

TEST(Allocator, takes_grants_back) {
    Allocator allocator{host_with(4 * gibibyte)};
    {
        auto grant = allocator.grant_memory(3 * gibibyte);
        MemoryGrant const moved = std::move(*grant);
        EXPECT_EQ(allocator.granted_memory(), 3 * gibibyte);
    }
    EXPECT_EQ(allocator.granted_memory(), 0u);
    auto again = allocator.grant_memory(4 * gibibyte);
    ASSERT_TRUE(again);
    again->give_back();
    again->give_back();
    EXPECT_EQ(allocator.granted_memory(), 0u);
}

TEST(Allocator, refuses_what_a_limit_would_turn_into_a_signal) {
    Allocator allocator{{8 * gibibyte, none, gibibyte, 65530}};
    auto const refusal = allocator.grant_memory(2 * gibibyte);
    ASSERT_FALSE(refusal);
    EXPECT_EQ(refusal.error().message,
              "2048 MiB of memory for a guest: files may have 1024 MiB here: raise 'ulimit -f'");
}

TEST(Allocator, refuses_what_the_address_space_cannot_hold) {
    Allocator allocator{{8 * gibibyte, gibibyte, none, 65530}};
    auto const refusal = allocator.grant_memory(2 * gibibyte);
    ASSERT_FALSE(refusal);
    EXPECT_EQ(refusal.error().message,
              "2048 MiB of memory for a guest: processes may have 1024 MiB of addresses here: raise 'ulimit -v'");
}

TEST(Allocator, leaves_a_quarter_of_the_mappings_to_the_monitor) {
    EXPECT_EQ(Allocator({gibibyte, none, none, 8000}).grant_mappings(), 6000u);
    EXPECT_EQ(Allocator({gibibyte, none, none, 65530}).grant_mappings(), 48'000u);
    EXPECT_EQ(Allocator({gibibyte, none, none, 1'000'000}).grant_mappings(), 48'000u);
    EXPECT_EQ(Allocator({gibibyte, none, none, 0}).grant_mappings(), 256u);
}

TEST(Allocator, finds_this_host) {
    HostResources const here = look_at_resources();
    EXPECT_GT(here.memory, 64u << 20);
    EXPECT_GT(here.max_mappings, 0u);
}

} // namespace
} // namespace ring3
