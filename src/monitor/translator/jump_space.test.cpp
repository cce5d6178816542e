#include "monitor/translator/jump_space.h"

#include "monitor/translator/host_listing.h"

#include <array>
#include <bit>
#include <gtest/gtest.h>
#include <set>

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

TEST(JumpSpace, targets_may_share_a_place) {
    JumpSpace s = space();
    u32 const first = 0x0804'8120;
    u32 second = first + 1;
    while (JumpSpace::index(second) != JumpSpace::index(first)) ++second;
    s.set(first, target);
    EXPECT_EQ(s.get(second), target); // whoever arrives there finds that it is not his
}

TEST(JumpSpace, neighbours_have_different_places) {
    for (u32 eip = 0x0816'9ff0; eip < 0x0816'a010; ++eip) EXPECT_NE(JumpSpace::index(eip), JumpSpace::index(eip + 1));
}

TEST(JumpSpace, the_same_offset_of_different_pages_has_different_places) {
    std::set<u32> places;
    constexpr unsigned pages = 64;
    for (u32 page = 0; page < pages; ++page) places.insert(JumpSpace::index(0xb7e0'0040 + page * u32{page_size}));
    EXPECT_GT(places.size(), pages * 3 / 4);
}

TEST(JumpSpace, emitted_code_finds_the_same_place) {
    // PEXT moves the bits under the mask together: the mask has no gap, so it is a shift.
    EXPECT_EQ(std::countr_one(JumpSpace::mask), std::popcount(JumpSpace::mask));
    EXPECT_EQ(std::size_t{1} << std::popcount(JumpSpace::mask), JumpSpace::targets);
    std::array<u8, 64> bytes{};
    Assembler a{bytes, 0x1000};
    emit_table_index(a, {.base = Host::r15, .disp = 8});
    HostNames const names{.fields = {{8, "mask"}}, .places = {}};
    std::vector<std::string> const expected{"rorx r9d, r8d, 0xd", "lea r9d, [r8+r9*1]", "pext r9d, r9d, [mask]"};
    EXPECT_EQ((HostListing{std::span{bytes}.first(a.offset()), 0x1000, names}.lines()), expected);
    JumpSpace s = space();
    s.set(0x1'2340, target);
    auto const place = s.table_address() + static_cast<u64>(JumpSpace::slot_offset(0x1'2340));
    EXPECT_EQ(*std::bit_cast<HostPc const*>(place), target);
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
