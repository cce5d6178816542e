// Golden translations of segmented code: see block_writer.test.cpp.
#include "monitor/translator/test_translator.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace ring3 {
namespace {

using Text = std::vector<std::string>;

/// The first `count` of these instructions, with windows.
Text code_in(TestMode mode, unsigned count, std::initializer_list<u8> bytes, u32 limit = 0xffff) {
    TestTranslator t{mode};
    t.machine.set_limit(SegmentName::ds, limit);
    t.translate(bytes);
    return t.listing(count);
}

TEST(Segmented, a_byte_in_64_kib_needs_no_check) {
    EXPECT_EQ(code_in(TestMode::real, 1, {0x8a, 0x47, 0x04, 0x90}), // mov al,[bx+4]
              (Text{"lea r8d, [rbx+0x4]", "movzx r8d, r8w", "mov r9d, [ds.base]", "lea r8d, [r8+r9*1]",
                    "mov al, [r14+r8*1]"}));
}

TEST(Segmented, a_word_in_64_kib_must_not_begin_at_the_last_byte) {
    EXPECT_EQ(code_in(TestMode::real, 1, {0x01, 0x07, 0x90}), // add [bx],ax
              (Text{"lea r8d, [rbx]", "movzx r8d, r8w", "mov r9, rcx", "lea ecx, [r8+0x1]", "rorx ecx, ecx, 0x10",
                    "movzx ecx, cx", "jrcxz #8", "jmp elsewhere", "mov rcx, r9", "mov r9d, [ds.base]",
                    "lea r8d, [r8+r9*1]", "add [r14+r8*1], ax"}));
}

TEST(Segmented, another_limit_is_asked_for) {
    EXPECT_EQ(code_in(TestMode::flat16, 1, {0x8a, 0x07, 0x90}, 0x123), // mov al,[bx]
              (Text{"lea r8d, [rbx]", "movzx r8d, r8w", "mov r9, rcx", "mov ecx, [ds.read_room]", "lea r10, [r8+0x1]",
                    "not r10", "lea r10, [r10+rcx*1+0x1]", "rorx r10, r10, 0x20", "mov ecx, r10d", "jrcxz #11",
                    "jmp elsewhere", "mov rcx, r9", "mov r9d, [ds.base]", "lea r8d, [r8+r9*1]", "mov al, [r14+r8*1]"}));
}

TEST(Segmented, pushes_collect_changes_of_sp_which_keep_the_upper_half) {
    Text const code = code_in(TestMode::real, 3, {0x50, 0x53, 0x89, 0xe5, 0x90}); // push ax; push bx; mov bp,sp
    EXPECT_EQ(code[0], "lea r8d, [r12-0x2]");
    EXPECT_NE(std::ranges::find(code, "lea r8d, [r12-0x4]"), code.end());
    EXPECT_EQ(Text(code.end() - 3, code.end()), (Text{"lea r10d, [r12-0x4]", "mov r12w, r10w", "mov bp, r12w"}));
}

TEST(Segmented, a_paragraph_is_loaded_in_place) {
    EXPECT_EQ(code_in(TestMode::real, 1, {0x8e, 0xd8, 0x90}), // mov ds,ax
              (Text{"movzx r11d, ax", "mov [ds.selector], r11w", "rorx r11d, r11d, 0x1c", "mov [ds.base], r11d",
                    "mov dword [ds.source], 0xffffffff", "mov byte [ds.rights+1], 0x93"}));
}

TEST(Segmented, a_far_pointer_is_a_place_of_the_jump_table) {
    TestTranslator t{TestMode::real};
    t.translate({0xcb}); // retf
    Text const code = t.whole_listing();
    for (Text const& part : {Text{"rorx r9d, r11d, 0x10", "movzx r9d, r9w"}, Text{"mov r8d, r11d", "ret"}})
        EXPECT_NE(std::ranges::search(code, part).begin(), code.end()) << part.front();
}

TEST(Segmented, cx_counts_without_ecx) {
    Text const code = code_in(TestMode::real, 1, {0xe2, 0xfe, 0x90}); // loop to itself
    EXPECT_EQ(Text(code.begin(), code.begin() + 4),
              (Text{"lea r8d, [rcx-0x1]", "mov cx, r8w", "mov r9, rcx", "movzx ecx, cx"}));
}

} // namespace
} // namespace ring3
