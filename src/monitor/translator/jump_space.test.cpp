#include "monitor/translator/jump_space.h"

#include "monitor/translator/host_listing.h"

#include <array>
#include <bit>
#include <gtest/gtest.h>

namespace ring3 {
namespace {

constexpr HostPc miss = 0x1111, underflow = 0x2222, target = 0x3333;

JumpSpace space() {
    auto made = JumpSpace::create(miss, underflow);
    EXPECT_TRUE(made.has_value());
    return std::move(*made);
}

TEST(JumpSpace, unknown_targets_miss) {
    JumpSpace s = space();
    EXPECT_EQ(s.get(0), miss);
    EXPECT_EQ(s.get(0xffff'ffff), miss);
    s.set(0xc010'0040, target);
    EXPECT_EQ(s.get(0xc010'0040), target);
    EXPECT_EQ(s.get(0xc010'0050), miss);
}

TEST(JumpSpace, every_address_has_a_place_of_its_own) {
    JumpSpace s = space();
    for (u32 const eip : {0u, 1u, 0x0804'8120u, 0x0804'8121u, 0xffff'ffffu}) s.set(eip, target + eip % 7);
    for (u32 const eip : {0u, 1u, 0x0804'8120u, 0x0804'8121u, 0xffff'ffffu}) EXPECT_EQ(s.get(eip), target + eip % 7);
}

TEST(JumpSpace, gives_up_a_place_only_to_whom_it_belongs) {
    JumpSpace s = space();
    s.set(0x1000, target);
    s.remove(0x1000, target + 1);
    EXPECT_EQ(s.get(0x1000), target);
    s.remove(0x1000, target);
    EXPECT_EQ(s.get(0x1000), miss);
}

TEST(JumpSpace, jumps_all_over_memory_make_it_start_afresh) {
    JumpSpace s = space();
    for (u32 i = 0; i < 4096 && !s.too_large(); ++i) s.note_miss(i << 20);
    EXPECT_TRUE(s.too_large());
    EXPECT_TRUE(s.unverified);
    s.clear();
    EXPECT_FALSE(s.too_large());
    for (u32 i = 0; i < 4096 && !s.too_large(); ++i) s.set(i << 12, target);
    EXPECT_TRUE(s.too_large());
    s.clear();
    EXPECT_EQ(s.get(0), miss);
    EXPECT_EQ(s.get(1 << 12), miss);
}

TEST(JumpSpace, code_that_is_rewritten_forever_makes_it_start_afresh) {
    JumpSpace s = space();
    unsigned rounds = 0;
    for (; !s.unverified && rounds < 1'000'000; ++rounds) {
        s.set(0x1000, target);
        s.remove(0x1000, target);
    }
    EXPECT_LT(rounds, 100'000u);
    EXPECT_TRUE(s.too_large());
    s.clear();
    EXPECT_FALSE(s.too_large());
}

TEST(JumpSpace, emitted_code_finds_the_same_place) {
    std::array<u8, 64> bytes{};
    Assembler a{bytes, 0x1000};
    emit_table_look_up(a, miss);
    HostNames const no_names;
    HostListing const listing{std::span{bytes}.first(a.offset()), 0x1000, no_names};
    EXPECT_EQ(listing.lines(), (std::vector<std::string>{"mov r9d, [r13+r8*4]", "lea r9, [r9+0x1111]"}));
    JumpSpace s = space();
    s.set(0x1'2340, target);
    EXPECT_EQ(*std::bit_cast<u32 const*>(s.table_address() + 0x1'2340 * 4), target - miss);
}

TEST(JumpSpace, an_empty_stack_of_returns_holds_the_sentinel) {
    JumpSpace s = space();
    EXPECT_EQ(s.return_sp, s.return_top());
    EXPECT_EQ(*std::bit_cast<HostPc const*>(s.return_top()), underflow);
    EXPECT_EQ(s.return_top() % 8, 0u);
}

TEST(JumpSpace, knows_an_overflow_of_its_stack_by_the_guard_page) {
    JumpSpace s = space();
    EXPECT_FALSE(s.overflows_at(s.return_top()));
    u64 at = s.return_top();
    while (!s.overflows_at(at) && s.return_top() - at < 1 << 20) at -= 8;
    u64 const room = s.return_top() - at;
    EXPECT_GE(room, 8000u);
    EXPECT_LE(room, 8192u);
    EXPECT_TRUE(s.overflows_at(at + 8 - page_size));
    EXPECT_FALSE(s.overflows_at(at - page_size));
}

TEST(JumpSpace, a_cleared_space_leads_nowhere) {
    JumpSpace s = space();
    s.set(0x1000, target);
    s.note_page({0x1234}, {0x5678});
    s.return_sp -= 64;
    s.unverified = true;
    s.clear();
    EXPECT_EQ(s.get(0x1000), miss);
    EXPECT_EQ(s.return_sp, s.return_top());
    EXPECT_FALSE(s.leads_to({0x1000}));
    EXPECT_FALSE(s.unverified);
}

TEST(JumpSpace, notes_each_page_once) {
    JumpSpace s = space();
    s.note_page({0x3008}, {0x9008});
    s.note_page({0x1234}, {0x5678});
    s.note_page({0x3fff}, {0x9fff});
    EXPECT_EQ(s.pages.size(), 2u);
    EXPECT_TRUE(s.leads_to({0x1fff}));
    EXPECT_TRUE(s.leads_to({0x3000}));
    EXPECT_FALSE(s.leads_to({0x2000}));
}

TEST(JumpSpace, notes_a_page_again_after_it_was_cleared) {
    JumpSpace s = space();
    s.note_page({0x1000}, {0x5000});
    s.clear();
    s.note_page({0x1000}, {0x5000});
    EXPECT_TRUE(s.leads_to({0x1000}));
}

TEST(JumpSpace, a_page_that_was_met_at_two_places_is_held_to_both) {
    JumpSpace s = space();
    s.note_page({0x1000}, {0x5000});
    s.note_page({0x1000}, {0x6000});
    s.note_page({0x1000}, {0x5000});
    ASSERT_EQ(s.pages.size(), 2u);
    EXPECT_EQ(s.pages[0].physical, GuestPhys{0x5000});
    EXPECT_EQ(s.pages[1].physical, GuestPhys{0x6000});
}

} // namespace
} // namespace ring3
