// The conventions of decoder.h, line by line: which registers, sizes and immediates a routine finds where.
#include "insn/decoder.h"
#include "insn/operands.h"

#include <gtest/gtest.h>

#include <vector>

namespace ring3::insn {
namespace {

struct Case {
    std::vector<u8> bytes;
    std::string_view name;
    Shape shape;
    int dst, src; // -1: not told by this shape
    unsigned width, source_width;
    u64 imm{};
};

constexpr int al = 0, ah = 1, ecx = 8, cl = 8, edx = 16, dh = 17, ebx = 24, esi = 48, edi = 56, any = -1;
constexpr u64 minus_one = ~u64{};

void check(Case const& c) {
    Insn insn;
    ASSERT_EQ(decode(c.bytes, 4, true, insn), DecodeStatus::ok) << c.name;
    EXPECT_EQ(name(insn), c.name);
    EXPECT_EQ(insn.shape, c.shape) << c.name;
    EXPECT_TRUE(c.dst == any || c.dst == insn.dst) << c.name;
    EXPECT_TRUE(c.src == any || c.src == insn.src) << c.name;
    EXPECT_EQ(insn.width, c.width) << c.name;
    EXPECT_EQ(insn.source_width, c.source_width) << c.name;
    EXPECT_EQ(insn.imm, c.imm) << c.name;
}

TEST(Shapes, of_two_operand_instructions) {
    Case const cases[]{
        {{0x01, 0xcb}, "add", Shape::rr, ebx, ecx, 4, 4},
        {{0x00, 0xe6}, "add", Shape::rr, dh, ah, 1, 1},
        {{0x01, 0x0b}, "add", Shape::mr, any, ecx, 4, 4},
        {{0x03, 0x0b}, "add", Shape::rm, ecx, any, 4, 4},
        {{0x66, 0x03, 0xcb}, "add", Shape::rr, ecx, ebx, 2, 2},
        {{0x83, 0xc1, 0xff}, "add", Shape::ri, ecx, any, 4, 4, minus_one},
        {{0x81, 0x01, 0xff, 0xff, 0xff, 0xff}, "add", Shape::mi, any, any, 4, 4, minus_one},
        {{0x66, 0x81, 0xc1, 0xfe, 0xff}, "add", Shape::ri, ecx, any, 2, 2, minus_one - 1},
        {{0x80, 0xc6, 0xff}, "add", Shape::ri, dh, any, 1, 1, 0xff},
        {{0x04, 0x80}, "add", Shape::ri, al, any, 1, 1, 0x80},
        {{0x05, 0, 0, 0, 0x80}, "add", Shape::ri, al, any, 4, 4, 0xffff'ffff'8000'0000},
        {{0xb4, 0xff}, "mov", Shape::ri, ah, any, 1, 1, 0xff},
        {{0xbf, 1, 0, 0, 0}, "mov", Shape::ri, edi, any, 4, 4, 1},
        {{0xa1, 1, 0, 0, 0}, "mov", Shape::rm, al, any, 4, 4, 1},
        {{0xa2, 1, 0, 0, 0}, "mov", Shape::mr, any, al, 1, 1, 1},
        {{0x91}, "xchg", Shape::rr, ecx, al, 4, 4},
        {{0x0f, 0xb6, 0xce}, "movzx", Shape::rr, ecx, dh, 4, 1},
        {{0x0f, 0xbf, 0x0e}, "movsx", Shape::rm, ecx, any, 4, 2},
        {{0x66, 0x0f, 0xbf, 0xce}, "movsx", Shape::rr, ecx, esi, 2, 2},
        {{0x8d, 0x0b}, "lea", Shape::rm, ecx, any, 4, 4},
        {{0x62, 0x0b}, "bound", Shape::rm, ecx, any, 4, 4},
        {{0x63, 0xcb}, "arpl", Shape::rr, ebx, ecx, 2, 2},
        {{0x0f, 0x02, 0xcb}, "lar", Shape::rr, ecx, ebx, 4, 2},
        {{0xf2, 0x0f, 0x38, 0xf0, 0xce}, "crc32", Shape::rr, ecx, dh, 4, 1},
        {{0x0f, 0x38, 0xf0, 0x0b}, "movbe", Shape::rm, ecx, any, 4, 4},
        {{0xc5, 0x0b}, "lds", Shape::rm, ecx, any, 4, 4},
    };
    for (auto const& c : cases) check(c);
}

TEST(Shapes, of_shifts_and_three_operand_instructions) {
    Case const cases[]{
        {{0xd1, 0xe1}, "shl", Shape::ri, ecx, any, 4, 4, 1},
        {{0xd0, 0x21}, "shl", Shape::mi, any, any, 1, 1, 1},
        {{0xc1, 0xe1, 0x85}, "shl", Shape::ri, ecx, any, 4, 4, 0x85},
        {{0xd3, 0xe3}, "shl", Shape::rr, ebx, cl, 4, 4},
        {{0xd2, 0x23}, "shl", Shape::mr, any, cl, 1, 1},
        {{0x69, 0xcb, 0xff, 0xff, 0xff, 0xff}, "imul", Shape::rr, ecx, ebx, 4, 4, minus_one},
        {{0x6b, 0x0b, 0x80}, "imul", Shape::rm, ecx, any, 4, 4, minus_one - 127},
        {{0x0f, 0xa4, 0xcb, 0x03}, "shld", Shape::rr, ebx, ecx, 4, 4, 3},
        {{0x0f, 0xad, 0x0b}, "shrd", Shape::mr, any, ecx, 4, 4},
        {{0xc4, 0xe2, 0x60, 0xf2, 0xce}, "andn", Shape::rr, ecx, esi, 4, 4},
        {{0xc4, 0xe2, 0x60, 0xf7, 0x0e}, "bextr", Shape::rm, ecx, any, 4, 4},
        {{0xc4, 0xe2, 0x60, 0xf3, 0xce}, "blsr", Shape::rr, ebx, esi, 4, 4},
        {{0xc4, 0xe3, 0x7b, 0xf0, 0xcb, 0x07}, "rorx", Shape::rr, ecx, ebx, 4, 4, 7},
    };
    for (auto const& c : cases) check(c);
}

TEST(Shapes, of_one_operand_instructions) {
    Case const cases[]{
        {{0x41}, "inc", Shape::r, ecx, ecx, 4, 4},
        {{0xfe, 0xc6}, "inc", Shape::r, dh, dh, 1, 1},
        {{0xff, 0x01}, "inc", Shape::m, any, any, 4, 4},
        {{0x66, 0x51}, "push", Shape::r, ecx, ecx, 2, 2},
        {{0x6a, 0xff}, "push", Shape::i, any, any, 4, 4, minus_one},
        {{0x68, 1, 0, 0, 0x80}, "push", Shape::i, any, any, 4, 4, 0xffff'ffff'8000'0001},
        {{0xff, 0x31}, "push", Shape::m, any, any, 4, 4},
        {{0xc2, 0xff, 0xff}, "ret", Shape::i, any, any, 4, 4, 0xffff},
        {{0xc3}, "ret", Shape::none, any, any, 4, 4},
        {{0xeb, 0xfe}, "jmp", Shape::i, any, any, 4, 4, minus_one - 1},
        {{0x66, 0xe9, 0xfe, 0xff}, "jmp", Shape::i, any, any, 2, 2, minus_one - 1},
        {{0xff, 0xe1}, "jmp", Shape::r, ecx, ecx, 4, 4},
        {{0xff, 0x29}, "jmp", Shape::m, any, any, 4, 4},
        {{0xcd, 0x80}, "int", Shape::i, any, any, 4, 4, 0x80},
        {{0xe4, 0xfe}, "in", Shape::ri, al, al, 1, 1, 0xfe},
        {{0xed}, "in", Shape::rr, al, al, 4, 4},
        {{0x66, 0xe7, 0xfe}, "out", Shape::ri, al, al, 2, 2, 0xfe},
        {{0xee}, "out", Shape::rr, al, al, 1, 1},
        {{0x98}, "cbw", Shape::none, any, any, 4, 4},
        {{0x0f, 0xc7, 0x09}, "cmpxchg8b", Shape::m, any, any, 8, 8},
        {{0x0f, 0x22, 0xd9}, "mov", Shape::r, ecx, ecx, 4, 4},
        {{0x0f, 0xc7, 0xf2}, "rdrand", Shape::r, edx, edx, 4, 4},
        {{0x66, 0x0f, 0x01, 0x19}, "lidt", Shape::m, any, any, 2, 2},
        {{0x8c, 0xd9}, "mov", Shape::r, ecx, ecx, 4, 4},
        {{0x8c, 0x19}, "mov", Shape::m, any, any, 2, 2},
        {{0x8e, 0xd9}, "mov", Shape::r, ecx, ecx, 2, 2},
        {{0x0f, 0x00, 0xc1}, "sldt", Shape::r, ecx, ecx, 4, 4},
        {{0x0f, 0x01, 0x21}, "smsw", Shape::m, any, any, 2, 2},
    };
    for (auto const& c : cases) check(c);
}

TEST(Shapes, of_vector_and_string_instructions_say_only_whether_there_is_memory) {
    Case const cases[]{
        {{0x0f, 0xfc, 0xca}, "paddb", Shape::none, any, any, 8, 8},
        {{0x0f, 0x58, 0xca}, "addps", Shape::none, any, any, 16, 16},
        {{0xc5, 0xf4, 0x58, 0x0b}, "vaddps", Shape::m, any, any, 32, 32},
        {{0x0f, 0x6e, 0xca}, "movd", Shape::none, any, any, 8, 8},
        {{0xdb, 0x2b}, "fld", Shape::m, any, any, 10, 10},
        {{0xd8, 0x03}, "fadd", Shape::m, any, any, 4, 4},
        {{0xa4}, "movs", Shape::none, any, any, 1, 1},
        {{0x66, 0xa5}, "movs", Shape::none, any, any, 2, 2},
        {{0xd7}, "xlat", Shape::none, any, any, 4, 4},
    };
    for (auto const& c : cases) check(c);
}

TEST(Shapes, far_pointers_and_enter_have_two_immediates) {
    Insn insn;
    ASSERT_EQ(decode(std::vector<u8>{0x9a, 1, 0, 0, 0x80, 0x34, 0x12}, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.imm, 0x8000'0001u);
    EXPECT_EQ(insn.imm2, 0x1234);
    EXPECT_EQ(insn.shape, Shape::i);
    ASSERT_EQ(decode(std::vector<u8>{0xc8, 0x00, 0x80, 0xff}, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.imm, 0x8000u);
    EXPECT_EQ(insn.imm2, 0xff);
}

TEST(Shapes, a_double_shift_by_cl_is_told_by_its_third_operand) {
    Insn insn;
    ASSERT_EQ(decode(std::vector<u8>{0x0f, 0xa5, 0xcb}, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.def->operands[2].code, Code::CL);
}

TEST(Shapes, strings_have_an_overridable_source_segment) {
    Insn insn;
    ASSERT_EQ(decode(std::vector<u8>{0xa4}, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.segment, SegmentIndex::ds);
    EXPECT_FALSE(insn.has_memory);
    ASSERT_EQ(decode(std::vector<u8>{0x64, 0xa4}, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.segment, SegmentIndex::fs);
}

} // namespace
} // namespace ring3::insn
