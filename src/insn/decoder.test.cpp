#include "insn/decoder.h"

#include "insn/operands.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

namespace ring3::insn {
namespace {

using Code8 = std::vector<u8>;

Insn decoded(Code8 const& bytes, unsigned default_size = 4) {
    Insn insn;
    EXPECT_EQ(decode(bytes, default_size, true, insn), DecodeStatus::ok)
        << fmt::format("{:02x}", fmt::join(bytes, " "));
    EXPECT_EQ(insn.length, bytes.size());
    return insn;
}

DecodeStatus status_of(Code8 const& bytes, unsigned default_size = 4, bool allow_vex = true) {
    Insn insn;
    return decode(bytes, default_size, allow_vex, insn);
}

Code8 prefixed(std::size_t count, Code8 code) {
    code.insert(code.begin(), count, 0x2e);
    return code;
}

// ---- length (SDM 2A 2.3.11)

TEST(DecoderLength, fifteen_bytes_are_an_instruction_and_sixteen_are_not) {
    EXPECT_EQ(status_of(prefixed(14, {0x90})), DecodeStatus::ok);
    EXPECT_EQ(status_of(prefixed(15, {0x90})), DecodeStatus::too_long);
    EXPECT_EQ(status_of(prefixed(9, {0x81, 0x00, 1, 2, 3, 4})), DecodeStatus::ok);
    EXPECT_EQ(status_of(prefixed(10, {0x81, 0x00, 1, 2, 3, 4})), DecodeStatus::too_long);
}

TEST(DecoderLength, the_limit_is_found_even_if_only_fifteen_bytes_are_at_hand) {
    Code8 code = prefixed(10, {0x81, 0x00, 1, 2, 3, 4});
    code.resize(15);
    EXPECT_EQ(status_of(code), DecodeStatus::too_long);
    EXPECT_EQ(status_of(Code8(15, 0x66)), DecodeStatus::too_long);
}

TEST(DecoderLength, every_shorter_part_of_an_instruction_is_truncated) {
    for (Code8 const& whole :
         {Code8{0x66, 0x2e, 0x81, 0x84, 0x8d, 1, 2, 3, 4, 5, 6}, Code8{0x0f, 0x3a, 0x0f, 0x05, 1, 2, 3, 4, 5},
          Code8{0xc4, 0xe3, 0x7d, 0x46, 0x44, 0x24, 0x10, 0x31}, Code8{0xc8, 1, 2, 3}, Code8{0x9a, 1, 2, 3, 4, 5, 6},
          Code8{0xa1, 1, 2, 3, 4}, Code8{0xc5, 0xf8, 0x77}}) {
        Code8 part = whole;
        if (whole[0] == 0x66) part.resize(9); // 66: a 16-bit immediate is missing here
        while (!part.empty()) {
            part.pop_back();
            EXPECT_EQ(status_of(part), DecodeStatus::truncated) << fmt::format("{:02x}", fmt::join(part, " "));
        }
    }
}

TEST(DecoderLength, bytes_after_the_instruction_are_not_looked_at) {
    Insn insn;
    Code8 const code{0x40, 0x0f, 0x0b};
    EXPECT_EQ(decode(code, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.length, 1);
}

TEST(DecoderLength, sizes_of_immediates_follow_the_operand_size) {
    decoded({0x05, 1, 2, 3, 4});
    decoded({0x66, 0x05, 1, 2});
    decoded({0x05, 1, 2}, 2);
    decoded({0x66, 0x05, 1, 2, 3, 4}, 2);
    decoded({0xe8, 1, 2, 3, 4});
    decoded({0x66, 0xe8, 1, 2});
    decoded({0xea, 1, 2, 3, 4, 5, 6});
    decoded({0xea, 1, 2, 3, 4}, 2);
    decoded({0xa1, 1, 2}, 2);
    decoded({0x67, 0xa1, 1, 2, 3, 4}, 2);
}

// ---- prefixes

TEST(DecoderPrefixes, the_last_of_a_group_counts) {
    Insn const insn = decoded({0x2e, 0xf2, 0x64, 0xf3, 0xa4});
    EXPECT_EQ(insn.segment, SegmentIndex::fs);
    EXPECT_TRUE(insn.rep);
    EXPECT_FALSE(insn.repne);
}

TEST(DecoderPrefixes, size_prefixes_repeated_still_act_once) {
    Insn const insn = decoded({0x66, 0x66, 0x67, 0x67, 0x89, 0x07});
    EXPECT_EQ(insn.operand_size, 2);
    EXPECT_EQ(insn.address_width, 2);
    EXPECT_EQ(insn.base, 3) << "[bx]";
}

TEST(DecoderPrefixes, f2_and_f3_come_before_66) {
    EXPECT_EQ(name(decoded({0xf2, 0x66, 0x0f, 0x58, 0xc1})), "addsd");
    EXPECT_EQ(name(decoded({0x66, 0xf3, 0x0f, 0x58, 0xc1})), "addss");
    EXPECT_EQ(name(decoded({0xf2, 0xf3, 0x0f, 0x58, 0xc1})), "addss");
    EXPECT_EQ(name(decoded({0x66, 0x0f, 0x58, 0xc1})), "addpd");
}

TEST(DecoderPrefixes, f3_names_another_instruction_or_is_ignored) {
    EXPECT_EQ(name(decoded({0xf3, 0x90})), "pause");
    EXPECT_EQ(name(decoded({0xf2, 0x90})), "nop");
    EXPECT_EQ(name(decoded({0xf3, 0x0f, 0xbc, 0xc1})), "tzcnt");
    EXPECT_EQ(name(decoded({0xf2, 0x0f, 0xbc, 0xc1})), "bsf");
    EXPECT_EQ(name(decoded({0xf3, 0x0f, 0xaf, 0xc1})), "imul");
    EXPECT_EQ(status_of({0xf2, 0x0f, 0xb8, 0xc1}), DecodeStatus::invalid);
}

TEST(DecoderPrefixes, crc32_takes_its_operand_size_from_66_beside_f2) {
    EXPECT_EQ(decoded({0xf2, 0x0f, 0x38, 0xf1, 0xc1}).source_width, 4);
    EXPECT_EQ(decoded({0x66, 0xf2, 0x0f, 0x38, 0xf1, 0xc1}).source_width, 2);
    EXPECT_EQ(decoded({0x66, 0x0f, 0x38, 0xf1, 0x01}).width, 2) << "movbe";
}

TEST(DecoderLock, is_legal_with_a_memory_destination_of_some_instructions) {
    decoded({0xf0, 0x01, 0x03});
    decoded({0xf0, 0x0f, 0xc7, 0x0b});
    EXPECT_EQ(status_of({0xf0, 0x01, 0xc3}), DecodeStatus::illegal_lock) << "register destination";
    EXPECT_EQ(status_of({0xf0, 0x03, 0x03}), DecodeStatus::illegal_lock) << "memory source";
    EXPECT_EQ(status_of({0xf0, 0x39, 0x03}), DecodeStatus::illegal_lock) << "cmp";
    EXPECT_EQ(status_of({0xf0, 0x89, 0x03}), DecodeStatus::illegal_lock) << "mov";
    EXPECT_EQ(status_of({0xf0, 0x90}), DecodeStatus::illegal_lock);
    EXPECT_EQ(status_of({0xf0, 0xc5, 0xf8, 0x77}), DecodeStatus::illegal_lock) << "vex";
}

// ---- what does not exist

TEST(DecoderInvalid, registers_that_do_not_exist) {
    EXPECT_EQ(status_of({0x8e, 0xc8}), DecodeStatus::invalid) << "mov cs, ax";
    EXPECT_EQ(status_of({0x8e, 0xf0}), DecodeStatus::invalid) << "segment register 6";
    EXPECT_EQ(status_of({0x8c, 0xf8}), DecodeStatus::invalid) << "segment register 7";
    EXPECT_EQ(status_of({0x0f, 0x20, 0xc8}), DecodeStatus::invalid) << "cr1";
    EXPECT_EQ(status_of({0x0f, 0x22, 0xe8}), DecodeStatus::invalid) << "cr5";
    decoded({0x8c, 0xc8});
    decoded({0x0f, 0x22, 0xe0});
}

TEST(DecoderInvalid, register_forms_of_memory_instructions) {
    EXPECT_EQ(status_of({0x8d, 0xc0}), DecodeStatus::invalid) << "lea";
    EXPECT_EQ(status_of({0x0f, 0x01, 0xd8}), DecodeStatus::invalid) << "lidt, or vmrun";
    EXPECT_EQ(status_of({0xff, 0xe8}), DecodeStatus::invalid) << "far jmp";
    EXPECT_EQ(status_of({0x62, 0xc0}), DecodeStatus::invalid) << "bound, or evex";
    EXPECT_EQ(status_of({0x0f, 0xb2, 0xc0}), DecodeStatus::invalid) << "lss";
}

TEST(DecoderInvalid, holes_of_the_maps) {
    EXPECT_EQ(status_of({0x0f, 0x05}), DecodeStatus::invalid) << "syscall";
    EXPECT_EQ(status_of({0x0f, 0x24, 0xc0}), DecodeStatus::invalid) << "mov tr";
    EXPECT_EQ(status_of({0xfe, 0xd0}), DecodeStatus::invalid);
    EXPECT_EQ(status_of({0xff, 0xff}), DecodeStatus::invalid);
    EXPECT_EQ(status_of({0x8f, 0xc8}), DecodeStatus::invalid) << "xop";
}

TEST(DecoderVex, exists_in_protected_mode_only) {
    Code8 const vaddps{0xc5, 0xf0, 0x58, 0xc2};
    EXPECT_EQ(status_of(vaddps, 4, true), DecodeStatus::ok);
    EXPECT_EQ(status_of(vaddps, 2, true), DecodeStatus::ok);
    EXPECT_EQ(status_of(vaddps, 2, false), DecodeStatus::invalid);
    Insn insn;
    EXPECT_EQ(decode(Code8{0xc5, 0x30}, 2, true, insn), DecodeStatus::ok);
    EXPECT_EQ(name(insn), "lds");
}

TEST(DecoderVex, allows_segment_and_address_size_prefixes_only) {
    for (u8 prefix : Code8{0x66, 0xf2, 0xf3})
        EXPECT_EQ(status_of({prefix, 0xc5, 0xf0, 0x58, 0xc2}), DecodeStatus::invalid);
    EXPECT_EQ(decoded({0x64, 0x67, 0xc5, 0xf0, 0x58, 0x07}).segment, SegmentIndex::fs);
}

TEST(DecoderVex, an_unused_vvvv_is_all_ones_and_a_used_one_has_three_bits) {
    decoded({0xc4, 0xe1, 0x78, 0x28, 0xc1});
    EXPECT_EQ(status_of({0xc4, 0xe1, 0x70, 0x28, 0xc1}), DecodeStatus::invalid);
    EXPECT_EQ(status_of({0xc4, 0xe1, 0x38, 0x28, 0xc1}), DecodeStatus::invalid);
    EXPECT_EQ(decoded({0xc4, 0xe1, 0x30, 0x58, 0xc1}).vvvv, 1);
    EXPECT_EQ(decoded({0xc4, 0xc1, 0x70, 0x58, 0xc1}).vvvv, 1) << "B is ignored";
}

TEST(DecoderVex, length_and_w_select_rows) {
    EXPECT_EQ(name(decoded({0xc5, 0xf8, 0x77})), "vzeroupper");
    EXPECT_EQ(name(decoded({0xc5, 0xfc, 0x77})), "vzeroall");
    EXPECT_EQ(name(decoded({0xc4, 0xe2, 0xf1, 0x98, 0xc2})), "vfmadd132pd");
    EXPECT_EQ(status_of({0xc4, 0xe2, 0x7c, 0xf2, 0xc0}), DecodeStatus::invalid) << "andn with L = 1";
    EXPECT_EQ(status_of({0xc4, 0xe0, 0x78, 0x28, 0xc1}), DecodeStatus::invalid) << "map 0";
    EXPECT_EQ(status_of({0xc4, 0xff, 0x78, 0x28, 0xc1}), DecodeStatus::invalid) << "map 31";
}

TEST(DecoderVex, gathers_need_a_sib_byte_and_three_different_registers) {
    Insn const insn = decoded({0xc4, 0xe2, 0x69, 0x90, 0x4c, 0xa3, 0x08}); // vpgatherdd xmm1, [ebx+xmm4*4+8], xmm2
    EXPECT_EQ(insn.base, 3);
    EXPECT_EQ(insn.index, no_register);
    EXPECT_EQ(vsib_index(insn), 4);
    EXPECT_EQ(insn.scale, 2);
    EXPECT_EQ(status_of({0xc4, 0xe2, 0x69, 0x90, 0x03}), DecodeStatus::invalid);
    EXPECT_EQ(status_of({0xc4, 0xe2, 0x69, 0x90, 0x14, 0xa3}), DecodeStatus::invalid) << "destination = mask";
    EXPECT_EQ(status_of({0x67, 0xc4, 0xe2, 0x69, 0x90, 0x0c}), DecodeStatus::invalid) << "16-bit address";
}

// ---- memory operands

struct Address {
    u8 base, index, scale;
    i32 displacement;
    SegmentIndex segment;
    friend bool operator==(Address const&, Address const&) = default;
};

Address address(Code8 const& bytes, unsigned default_size) {
    Insn const insn = decoded(bytes, default_size);
    EXPECT_TRUE(insn.has_memory);
    return {insn.base, insn.index, insn.scale, insn.displacement, insn.segment};
}

constexpr u8 none = no_register, ebx = 3, esp = 4, ebp = 5, esi = 6, edi = 7;
constexpr auto ds = SegmentIndex::ds, ss = SegmentIndex::ss;

TEST(DecoderAddress, of_16_bits) {
    EXPECT_EQ(address({0x8a, 0x00}, 2), (Address{ebx, esi, 0, 0, ds}));
    EXPECT_EQ(address({0x8a, 0x03}, 2), (Address{ebp, edi, 0, 0, ss}));
    EXPECT_EQ(address({0x8a, 0x05}, 2), (Address{edi, none, 0, 0, ds}));
    EXPECT_EQ(address({0x8a, 0x06, 0x34, 0xf2}, 2), (Address{none, none, 0, 0xf234, ds}));
    EXPECT_EQ(address({0x8a, 0x46, 0xfe}, 2), (Address{ebp, none, 0, -2, ss}));
    EXPECT_EQ(address({0x8a, 0x87, 0x00, 0x80}, 2), (Address{ebx, none, 0, -0x8000, ds}));
    EXPECT_EQ(address({0x3e, 0x8a, 0x02}, 2), (Address{ebp, esi, 0, 0, ds}));
}

TEST(DecoderAddress, of_32_bits) {
    EXPECT_EQ(address({0x8a, 0x03}, 4), (Address{ebx, none, 0, 0, ds}));
    EXPECT_EQ(address({0x8a, 0x05, 0x78, 0x56, 0x34, 0x92}, 4), (Address{none, none, 0, -0x6dcba988, ds}));
    EXPECT_EQ(address({0x8a, 0x45, 0x80}, 4), (Address{ebp, none, 0, -128, ss}));
    EXPECT_EQ(address({0x8a, 0x04, 0x24}, 4), (Address{esp, none, 0, 0, ss}));
    EXPECT_EQ(address({0x8a, 0x04, 0xbb}, 4), (Address{ebx, edi, 2, 0, ds}));
    EXPECT_EQ(address({0x8a, 0x04, 0x2b}, 4), (Address{ebx, ebp, 0, 0, ds})) << "ebp as index";
    EXPECT_EQ(address({0x8a, 0x44, 0x5d, 0x01}, 4), (Address{ebp, ebx, 1, 1, ss}));
    EXPECT_EQ(address({0x8a, 0x04, 0xf5, 1, 0, 0, 0}, 4), (Address{none, esi, 3, 1, ds}));
    EXPECT_EQ(address({0x26, 0x8a, 0x04, 0x24}, 4), (Address{esp, none, 0, 0, SegmentIndex::es}));
    EXPECT_EQ(address({0x67, 0x8a, 0x04, 0xbb}, 2), (Address{ebx, edi, 2, 0, ds}));
}

TEST(DecoderAddress, of_moffs) {
    EXPECT_EQ(address({0xa0, 0xf0, 0xff, 0xff, 0xff}, 4), (Address{none, none, 0, -16, ds}));
    EXPECT_EQ(decoded({0xa0, 0xf0, 0xff, 0xff, 0xff}).imm, 0xffff'fff0u);
    EXPECT_EQ(address({0x65, 0xa3, 0xf0, 0xff}, 2), (Address{none, none, 0, 0xfff0, SegmentIndex::gs}));
}

TEST(DecoderAddress, mov_cr_and_dr_have_registers_whatever_mod_says) {
    Insn const insn = decoded({0x0f, 0x20, 0x04});
    EXPECT_FALSE(insn.has_memory);
    EXPECT_EQ(insn.shape, Shape::r);
    EXPECT_EQ(insn.dst, esp * 8);
    EXPECT_EQ(insn.width, 4);
}

TEST(JoinedBytes, an_instruction_over_a_border_is_read_from_both_sides) {
    std::array<u8, 2> const head{0xb8, 1};
    std::array<u8, 4> const tail{2, 3, 4, 0x90};
    JoinedBytes const joined{head, tail};
    EXPECT_EQ(joined.all().size(), 6u);
    Insn insn;
    ASSERT_EQ(decode(joined.all(), 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(static_cast<u32>(insn.imm), 0x04030201u);
    EXPECT_EQ(decode(JoinedBytes{head, {}}.all(), 4, true, insn), DecodeStatus::truncated);
}

TEST(JoinedBytes, are_never_more_than_an_instruction_can_have) {
    std::array<u8, 40> const many{};
    EXPECT_EQ((JoinedBytes{many, many}.all().size()), std::size_t{max_length});
    EXPECT_EQ((JoinedBytes{std::span{many}.first(3), many}.all().size()), std::size_t{max_length});
}

} // namespace
} // namespace ring3::insn
