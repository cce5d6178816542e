#include "monitor/translator/scanner.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>

namespace ring3 {
namespace {

using insn::Op;

constexpr u32 page_start = 0x5000;

class ScannerTest : public testing::Test {
protected:
    ScannerTest() { page_.fill(0xcc); }

    void put(u32 eip, std::initializer_list<u8> bytes) { std::ranges::copy(bytes, page_.begin() + (eip - page_start)); }
    Trace scan_at(u32 eip) { return scan({page_, tail_}, eip, mode_, *model_, rules_); }
    Trace scan_code(std::initializer_list<u8> bytes) {
        put(page_start, bytes);
        return scan_at(page_start);
    }
    /// Where the trace's instructions lie, from the page's start.
    static std::vector<u32> places(Trace const& trace) {
        std::vector<u32> places;
        for (Scanned const& s : trace.insns) places.push_back(s.eip - page_start);
        return places;
    }
    Result<CpuModel> model_{CpuModel::create("max")};
    std::array<u8, page_size> page_{};
    std::vector<u8> tail_;
    TranslationMode mode_{};
    ScanRules rules_{};
};

using Places = std::vector<u32>;

// ---- code of 16 bits, and segments

TEST_F(ScannerTest, decodes_as_the_mode_says) {
    mode_ = mode_.with<TranslationMode::Segmented>(1).with<TranslationMode::Code16>(1);
    Trace const trace = scan_code({0xb8, 0x01, 0x00, 0x66, 0xb8, 1, 0, 0, 0, 0xc3}); // mov ax,1; mov eax,1; ret
    EXPECT_EQ(places(trace), (Places{0, 3, 9}));
}

TEST_F(ScannerTest, cuts_targets_to_the_operand_size_within_the_segment) {
    mode_ = mode_.with<TranslationMode::Segmented>(1).with<TranslationMode::Code16>(1);
    rules_.code_base = page_start - 0xff00;
    rules_.code_limit = 0xffff;
    Trace const trace = scan_code({0x75, 0x10, 0x0f, 0x85, 0x00, 0x01, 0xc3}); // jnz +10h; jnz near +100h; ret
    ASSERT_EQ(trace.insns.size(), 3u);
    EXPECT_EQ(trace.insns[0].target(), page_start + 0x12);
    EXPECT_EQ(trace.insns[1].target(), rules_.code_base + 6); // IP FF06H + 100H
    EXPECT_EQ(trace.insns[1].treatment, Treatment::expand);
}

TEST_F(ScannerTest, stops_at_the_segments_end) {
    mode_ = mode_.with<TranslationMode::Segmented>(1);
    rules_.code_base = page_start;
    rules_.code_limit = 2;
    Trace const trace = scan_code({0x40, 0x40, 0x89, 0xc3, 0xc3}); // inc; inc; mov ebx,eax, half of it inside
    EXPECT_EQ(places(trace), (Places{0, 1}));
    EXPECT_TRUE(trace.stops_at_border);
    rules_.code_limit = 1;
    EXPECT_TRUE(scan_at(page_start + 2).insns.empty());
}

TEST_F(ScannerTest, leaves_branches_out_of_the_segment_to_the_interpreter) {
    mode_ = mode_.with<TranslationMode::Segmented>(1);
    rules_.code_base = page_start;
    rules_.code_limit = 0x0f;
    Trace const trace = scan_code({0x75, 0x02, 0x75, 0x20, 0xc3}); // jnz to 4; jnz to 24H
    ASSERT_EQ(trace.insns.size(), 2u);
    EXPECT_EQ(trace.insns[0].treatment, Treatment::expand);
    EXPECT_EQ(trace.insns[1].treatment, Treatment::callout);
}

// ---- where a trace goes

TEST_F(ScannerTest, goes_straight_on_to_a_return) {
    Trace const trace = scan_code({0x40, 0x89, 0xc3, 0xc3, 0x90}); // inc eax; mov ebx,eax; ret; nop
    EXPECT_EQ(places(trace), (Places{0, 1, 3}));
    EXPECT_FALSE(trace.crosses_page);
    EXPECT_FALSE(trace.stops_at_border);
}

TEST_F(ScannerTest, follows_a_jump_on_the_same_page) {
    put(page_start + 0x20, {0x40, 0xc3});
    EXPECT_EQ(places(scan_code({0x90, 0xeb, 0x1d})), (Places{0, 1, 0x20, 0x21})); // nop; jmp +1dh
}

TEST_F(ScannerTest, ends_at_a_jump_if_it_may_not_follow_or_the_target_lies_elsewhere) {
    put(page_start + 0x20, {0x40, 0xc3});
    rules_.follow_jumps = false;
    EXPECT_EQ(places(scan_code({0x90, 0xeb, 0x1d})), (Places{0, 1}));
    rules_.follow_jumps = true;
    EXPECT_EQ(places(scan_code({0x90, 0xe9, 0, 0x10, 0, 0})), (Places{0, 1}));
}

TEST_F(ScannerTest, goes_on_behind_conditional_branches_and_calls) {
    // test eax,eax; jz; loop; call; call eax; ret
    std::initializer_list<u8> const code{0x85, 0xc0, 0x74, 0x10, 0xe2, 0x10, 0xe8, 0, 1, 0, 0, 0xff, 0xd0, 0xc3};
    EXPECT_EQ(places(scan_code(code)), (Places{0, 2, 4, 6, 11, 13}));
    rules_.follow_jumps = false;
    EXPECT_EQ(places(scan_code(code)), (Places{0, 2}));
}

TEST_F(ScannerTest, ends_where_a_loop_closes) {
    EXPECT_EQ(places(scan_code({0x90, 0x40, 0xeb, 0xfc})), (Places{0, 1, 2}));
}

TEST_F(ScannerTest, joins_code_that_is_there_already) {
    std::set<u32> known{page_start + 2};
    rules_.known = [&](u32 eip) { return known.contains(eip); };
    EXPECT_EQ(places(scan_code({0x90, 0x90, 0x90, 0xc3})), (Places{0, 1}));
    known = {page_start};
    EXPECT_EQ(places(scan_code({0x90, 0x90, 0x90, 0xc3})), (Places{0, 1, 2, 3})); // not of its own start
}

TEST_F(ScannerTest, is_not_longer_than_allowed) {
    page_.fill(0x90);
    rules_.most = 10;
    EXPECT_EQ(scan_at(page_start).insns.size(), 10u);
}

TEST_F(ScannerTest, ends_with_what_may_change_how_code_decodes) {
    for (auto const& code : {std::array<u8, 3>{0xcf, 0x90, 0x90},
                             {0xcd, 0x80, 0x90},
                             {0xf4, 0x90, 0x90},
                             {0xcb, 0x90, 0x90},
                             {0x0f, 0x34, 0x90},
                             {0x0f, 0x0b, 0x90}}) {
        std::ranges::copy(code, page_.begin());
        EXPECT_EQ(scan_at(page_start).insns.size(), 1u) << unsigned{code[0]};
    }
}

// ---- the page's border, and what is no code

TEST_F(ScannerTest, stops_before_an_instruction_that_ends_on_the_next_page) {
    put(page_start + 0xffc, {0x40, 0x40, 0xb8, 1}); // inc eax; inc eax; mov eax,...
    Trace const trace = scan_at(page_start + 0xffc);
    EXPECT_EQ(places(trace), (Places{0xffc, 0xffd}));
    EXPECT_TRUE(trace.stops_at_border);
}

TEST_F(ScannerTest, an_instruction_over_the_border_is_a_trace_of_its_own) {
    put(page_start + 0xffe, {0xb8, 1});
    EXPECT_TRUE(scan_at(page_start + 0xffe).insns.empty());
    tail_ = {2, 3, 4, 0x40, 0x40};
    Trace const trace = scan_at(page_start + 0xffe);
    ASSERT_EQ(places(trace), (Places{0xffe}));
    EXPECT_TRUE(trace.crosses_page);
    EXPECT_EQ(static_cast<u32>(trace.insns[0].insn.imm), 0x04030201u);
}

TEST_F(ScannerTest, code_that_fills_the_page_simply_ends) {
    page_.fill(0x90);
    Trace const trace = scan_at(page_start + 0xffe);
    EXPECT_EQ(places(trace), (Places{0xffe, 0xfff}));
    EXPECT_FALSE(trace.stops_at_border);
}

TEST_F(ScannerTest, an_undefined_instruction_makes_no_trace) {
    EXPECT_TRUE(scan_code({0x0f, 0x0a}).insns.empty());
    Trace const trace = scan_code({0x90, 0x0f, 0x0a});
    EXPECT_EQ(places(trace), (Places{0}));
    EXPECT_TRUE(trace.stops_at_border);
}

// ---- flags

/// Before which instructions the flags must be exact.
std::vector<bool> exact(Trace const& trace) {
    std::vector<bool> result;
    for (Scanned const& s : trace.insns) result.push_back(s.exact_before);
    return result;
}

TEST_F(ScannerTest, flags_are_exact_from_where_they_are_set_to_where_they_are_read) {
    // add eax,1; mov ebx,eax; adc ecx,0; xor eax,eax; ret
    Trace const trace = scan_code({0x83, 0xc0, 1, 0x89, 0xc3, 0x83, 0xd1, 0, 0x31, 0xc0, 0xc3});
    EXPECT_EQ(exact(trace), (std::vector{false, true, true, false, true}));
    EXPECT_TRUE(trace.insns[0].exact_after);
    EXPECT_FALSE(trace.insns[2].exact_after);
    EXPECT_TRUE(trace.insns[4].exact_after); // whoever is returned to may read them
}

TEST_F(ScannerTest, increments_let_the_carry_flag_live) {
    Trace const trace = scan_code({0x31, 0xc0, 0x40, 0xc3}); // xor eax,eax; inc eax; ret
    EXPECT_TRUE(trace.insns[0].exact_after);
    EXPECT_FALSE(trace.insns[1].overwrites_flags);
    EXPECT_TRUE(trace.insns[0].overwrites_flags);
}

TEST_F(ScannerTest, a_shift_overwrites_flags_only_by_a_count_that_is_not_zero) {
    EXPECT_TRUE(scan_code({0xc1, 0xe0, 3, 0xc3}).insns[0].overwrites_flags);     // shl eax,3
    EXPECT_FALSE(scan_code({0xc1, 0xe0, 0x20, 0xc3}).insns[0].overwrites_flags); // shl eax,32
    EXPECT_FALSE(scan_code({0xd3, 0xe0, 0xc3}).insns[0].overwrites_flags);       // shl eax,cl
}

TEST_F(ScannerTest, a_branch_keeps_flags_exact_for_where_it_leads) {
    // cmp eax,1; jmp on; xor eax,eax; ret
    Trace const trace = scan_code({0x83, 0xf8, 1, 0xeb, 0, 0x31, 0xc0, 0xc3});
    EXPECT_EQ(exact(trace), (std::vector{false, true, false, true}));
    EXPECT_FALSE(trace.insns[1].exact_after); // straight on, to the XOR
    put(page_start + 0x20, {0x31, 0xc0, 0xc3});
    EXPECT_TRUE(scan_code({0x83, 0xf8, 1, 0xeb, 0x1b}).insns[1].exact_after); // elsewhere
}

TEST_F(ScannerTest, a_repeated_comparison_may_leave_all_flags_as_they_were) {
    mode_ = mode_.with<TranslationMode::Window>(1);
    Trace const trace = scan_code({0x31, 0xc0, 0xf3, 0xa6, 0x31, 0xc0, 0xc3}); // xor; repe cmpsb; xor
    EXPECT_FALSE(trace.insns[1].overwrites_flags);
    EXPECT_TRUE(trace.insns[0].exact_after); // it may fault
    EXPECT_FALSE(trace.insns[1].exact_after);
}

TEST_F(ScannerTest, a_fault_may_show_flags_that_nobody_reads) {
    // mov ebx,ecx; mov eax,[ebx]; xor eax,eax: the load may fault
    Trace const faulting = scan_code({0x89, 0xcb, 0x8b, 0x03, 0x31, 0xc0, 0xc3});
    EXPECT_TRUE(faulting.insns[0].exact_before);
    EXPECT_FALSE(faulting.insns[1].exact_after);
    Trace const quiet = scan_code({0x89, 0xcb, 0x31, 0xc0, 0xc3});
    EXPECT_FALSE(quiet.insns[0].exact_before);
}

// ---- shadows

TEST_F(ScannerTest, what_follows_sti_or_a_load_of_ss_stands_in_its_shadow) {
    Trace const trace = scan_code({0xfb, 0x90, 0x90, 0x8e, 0xd0, 0x90, 0x17, 0x90, 0xc3});
    std::vector<bool> shaded;
    for (Scanned const& s : trace.insns) shaded.push_back(s.no_stop);
    EXPECT_EQ(shaded, (std::vector{false, true, false, false, true, false, true, false}));
}

TEST_F(ScannerTest, loads_of_other_segments_cast_no_shadow) {
    for (Scanned const& s : scan_code({0x8e, 0xd8, 0x1f, 0x0f, 0xb2, 0x03, 0x90, 0xc3}).insns)
        EXPECT_FALSE(s.casts_shadow); // mov ds,ax; pop ds; lss eax,[ebx]
}

TEST_F(ScannerTest, what_stands_in_a_shadow_is_not_left_to_another_block) {
    rules_.known = [](u32 eip) { return eip == page_start + 1 || eip == page_start + 2; };
    EXPECT_EQ(places(scan_code({0xfb, 0xf4, 0xc3})), (Places{0, 1})); // sti; hlt
    EXPECT_EQ(places(scan_code({0xfb, 0x90, 0xc3})), (Places{0, 1})); // sti; nop
}

// ---- units for --verify

TEST_F(ScannerTest, a_unit_ends_at_its_first_branch_and_before_a_callout) {
    rules_.one_unit = true;
    EXPECT_EQ(places(scan_code({0x40, 0x74, 0, 0x40, 0xc3})), (Places{0, 1}));
    EXPECT_EQ(places(scan_code({0x40, 0x0f, 0xa2, 0xc3})), (Places{0})); // inc eax; cpuid
    EXPECT_EQ(places(scan_code({0x0f, 0xa2, 0x40, 0xc3})), (Places{0}));
}

} // namespace
} // namespace ring3
