// What the assembler writes, decoded again by Zydis.
#include "monitor/translator/assembler.h"

#include "monitor/translator/host_listing.h"

#include <array>
#include <gtest/gtest.h>
#include <limits>

namespace ring3 {
namespace {

using enum Host;

constexpr HostPc runs_at = 0x7f00'0000'1000;
constexpr u8 digit_add = 0, digit_cmp = 7;

template <class Emit> std::string text(Emit emit) {
    std::array<u8, 256> bytes{};
    Assembler a{bytes, runs_at};
    emit(a);
    EXPECT_FALSE(a.overflowed());
    HostNames const names{.fields = {}, .places = {{runs_at + 0x100, "there"}, {runs_at - 0x100, "before"}}};
    std::string joined;
    for (std::string const& line : HostListing{{bytes.data(), a.offset()}, runs_at, names}.lines())
        joined += (joined.empty() ? "" : "; ") + line;
    return joined;
}

// ---- registers

TEST(Assembler, moves_between_all_registers) {
    EXPECT_EQ(text([](Assembler& a) { a.mov(rax, r15); }), "mov rax, r15");
    EXPECT_EQ(text([](Assembler& a) { a.mov(r12, rdi); }), "mov r12, rdi");
    EXPECT_EQ(text([](Assembler& a) { a.mov32(rbx, rcx); }), "mov ebx, ecx");
    EXPECT_EQ(text([](Assembler& a) { a.mov32(r8, r12); }), "mov r8d, r12d");
}

TEST(Assembler, loads_immediates) {
    EXPECT_EQ(text([](Assembler& a) { a.mov_imm(rcx, 0x8000'0000); }), "mov ecx, 0x80000000");
    EXPECT_EQ(text([](Assembler& a) { a.mov_imm(r10, 5); }), "mov r10d, 0x5");
    EXPECT_EQ(text([](Assembler& a) { a.mov_imm64(rax, 0xffff'ffff); }), "mov eax, 0xffffffff");
    EXPECT_EQ(text([](Assembler& a) { a.mov_imm64(r9, 0x1'0000'0000); }), "mov r9, 0x100000000");
}

TEST(Assembler, calculates_with_immediates) {
    EXPECT_EQ(text([](Assembler& a) { a.alu_imm32(digit_add, r12, 0x10); }), "add r12d, 0x10");
    EXPECT_EQ(text([](Assembler& a) { a.alu_imm32(digit_cmp, r8, 0x8048000); }), "cmp r8d, 0x8048000");
    EXPECT_EQ(text([](Assembler& a) { a.shift_imm(5, r9, 6); }), "shr r9d, 0x6");
}

TEST(Assembler, leaves_flags_alone_with_bmi2) {
    EXPECT_EQ(text([](Assembler& a) { a.rorx32(r10, rbx, 8); }), "rorx r10d, ebx, 0x8");
    EXPECT_EQ(text([](Assembler& a) { a.rorx32(rax, r9, 24); }), "rorx eax, r9d, 0x18");
}

TEST(Assembler, saves_and_restores_flags_through_ax) {
    EXPECT_EQ(text([](Assembler& a) { a.lahf_seto(); }), "lahf; seto al");
    EXPECT_EQ(text([](Assembler& a) { a.sahf_from_packed(); }), "add al, 0x7f; sahf");
}

// ---- memory operands (SDM 2A tables 2-2, 2-3)

std::string loaded(Mem const& mem) {
    return text([&](Assembler& a) { a.load32(rcx, mem); });
}

TEST(Assembler, encodes_bases_with_their_special_cases) {
    EXPECT_EQ(loaded({.base = rax}), "mov ecx, [rax]");
    EXPECT_EQ(loaded({.base = rbp}), "mov ecx, [rbp]"); // needs a displacement
    EXPECT_EQ(loaded({.base = r13}), "mov ecx, [r13]"); // so does its extension
    EXPECT_EQ(loaded({.base = rsp}), "mov ecx, [rsp]"); // needs a SIB byte
    EXPECT_EQ(loaded({.base = r12}), "mov ecx, [r12]"); // so does its extension
    EXPECT_EQ(loaded({.base = r12, .disp = -4}), "mov ecx, [r12-0x4]");
    EXPECT_EQ(loaded({.base = rbx, .disp = 127}), "mov ecx, [rbx+0x7f]");
    EXPECT_EQ(loaded({.base = rbx, .disp = 128}), "mov ecx, [rbx+0x80]");
    EXPECT_EQ(loaded({.base = rbx, .disp = -128}), "mov ecx, [rbx-0x80]");
    EXPECT_EQ(loaded({.base = rbx, .disp = -129}), "mov ecx, [rbx-0x81]");
}

TEST(Assembler, encodes_indexes) {
    EXPECT_EQ(loaded({.base = r14, .index = rbx, .disp = 8}), "mov ecx, [r14+rbx*1+0x8]");
    EXPECT_EQ(loaded({.base = r13, .index = r9, .scale = 3}), "mov ecx, [r13+r9*8]");
    EXPECT_EQ(loaded({.base = rbp, .index = r12, .scale = 2}), "mov ecx, [rbp+r12*4]");
    EXPECT_EQ(loaded({.index = rsi, .scale = 1, .disp = 0x1000}), "mov ecx, [rsi*2+0x1000]");
}

TEST(Assembler, an_operand_without_registers_is_absolute) {
    EXPECT_EQ(loaded({.disp = 0x12'3456}), "mov ecx, [0x0000000000123456]");
}

TEST(Assembler, cuts_addresses_in_the_window_to_32_bits) {
    Mem const sum{.base = rbx, .index = rsi, .scale = 2, .disp = -8, .gs = true, .addr32 = true};
    EXPECT_EQ(loaded(sum), "mov ecx, gs:[ebx+esi*4-0x8]");
    EXPECT_EQ(text([&](Assembler& a) { a.op({.byte = 0x01, .operand16 = true, .lock = true}, number(r12), sum); }),
              "lock add gs:[ebx+esi*4-0x8], r12w");
}

ZydisRegister register_of(Host r) {
    return r == none ? ZYDIS_REGISTER_NONE : ZydisRegister(ZYDIS_REGISTER_RAX + number(r));
}

void expect_decodes_to_itself(Mem const& mem) {
    std::array<u8, 16> bytes{};
    Assembler a{bytes, runs_at};
    a.load(r10, mem);
    ZydisDecoder decoder;
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ASSERT_TRUE(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), a.offset(), &insn, operands)));
    ZydisDecodedOperandMem const& seen = operands[1].mem;
    EXPECT_EQ(insn.length, a.offset());
    EXPECT_EQ(operands[0].reg.value, ZYDIS_REGISTER_R10);
    EXPECT_EQ(seen.base, register_of(mem.base));
    EXPECT_EQ(seen.index, register_of(mem.index));
    EXPECT_EQ(seen.scale, mem.index == none ? 0 : 1u << mem.scale);
    EXPECT_EQ(seen.disp.value, mem.disp);
}

TEST(Assembler, every_combination_of_base_index_and_displacement_decodes_to_itself) {
    constexpr i32 displacements[]{0, 1, -128, 0x7fff'fff0, std::numeric_limits<i32>::min()};
    for (unsigned base = 0; base <= number(none); ++base)
        for (unsigned index = 0; index <= number(none); ++index)
            for (u8 scale = 0; scale < 4; ++scale)
                for (i32 const disp : displacements) {
                    if (Host(index) == rsp) continue; // the encoding of "no index"
                    expect_decodes_to_itself({.base = Host(base), .index = Host(index), .scale = scale, .disp = disp});
                }
}

TEST(Assembler, stores) {
    EXPECT_EQ(text([](Assembler& a) { a.store({.base = r15, .disp = 8}, r12); }), "mov [r15+0x8], r12");
    EXPECT_EQ(text([](Assembler& a) { a.store32({.base = r14, .index = rdi}, rbp); }), "mov [r14+rdi*1], ebp");
    EXPECT_EQ(text([](Assembler& a) { a.store_imm32({.base = rax}, 0x1234); }), "mov dword [rax], 0x1234");
    EXPECT_EQ(text([](Assembler& a) { a.store_imm8({.base = r15, .disp = 0x200}, 7); }), "mov byte [r15+0x200], 0x7");
    EXPECT_EQ(text([](Assembler& a) { a.compare_imm8({.base = r15, .disp = 1}, 0); }), "cmp byte [r15+0x1], 0x0");
}

// ---- opcode maps and prefixes

TEST(Assembler, puts_prefixes_before_rex) {
    Mem const mem{.base = r14, .index = r8};
    EXPECT_EQ(text([&](Assembler& a) { a.op({.map = 1, .byte = 0x6f, .repeat = 0xf3}, 7, mem); }),
              "movdqu xmm7, [r14+r8*1]");
    EXPECT_EQ(text([&](Assembler& a) { a.op({.map = 2, .byte = 0xf0, .operand16 = true}, 1, mem); }),
              "movbe cx, [r14+r8*1]");
    EXPECT_EQ(text([&](Assembler& a) { a.op({.map = 1, .byte = 0xc7, .lock = true}, 1, mem); }),
              "lock cmpxchg8b [r14+r8*1]");
}

TEST(Assembler, encodes_vex) {
    VexOpcode const add{.map = 1, .byte = 0x58, .l = true, .vvvv = 3};
    EXPECT_EQ(text([&](Assembler& a) { a.vex(add, 5, Host(1)); }), "vaddps ymm5, ymm3, ymm1");
    EXPECT_EQ(text([&](Assembler& a) { a.vex(add, 5, {.base = r14, .index = rsi}); }),
              "vaddps ymm5, ymm3, [r14+rsi*1]");
    EXPECT_EQ(text([](Assembler& a) {
                  a.vex({.map = 2, .byte = 0xf7, .pp = 1, .vvvv = number(r12)}, number(rax), Host::rbx);
              }),
              "shlx eax, ebx, r12d");
    EXPECT_EQ(text([](Assembler& a) { a.vex({.map = 1, .byte = 0x6f, .pp = 2, .no_vvvv = true}, 2, Mem{.base = r8}); }),
              "vmovdqu xmm2, [r8]");
}

// ---- branches

TEST(Assembler, branches_for_the_place_where_the_code_runs) {
    EXPECT_EQ(text([](Assembler& a) { a.jump(runs_at + 0x100); }), "jmp there");
    EXPECT_EQ(text([](Assembler& a) { a.call(runs_at - 0x100); }), "call before");
    EXPECT_EQ(text([](Assembler& a) { a.jump(Condition::nle, runs_at + 0x100); }), "jnle there");
    EXPECT_EQ(text([](Assembler& a) { a.jump(Mem{.base = r13, .index = r9, .scale = 3}); }), "jmp [r13+r9*8]");
    EXPECT_EQ(text([](Assembler& a) { a.jump(r9); }), "jmp r9");
    EXPECT_EQ(text([](Assembler& a) { a.call(r9); }), "call r9");
    EXPECT_EQ(text([](Assembler& a) { a.call(Mem{.base = r13, .disp = 0x7fff8}); }), "call [r13+0x7fff8]");
}

TEST(Assembler, short_jumps_land_where_they_are_told) {
    auto const emit = [](Assembler& a) {
        u32 const empty = a.jrcxz();
        u32 const equal = a.jump_short(Condition::z);
        u32 const always = a.jump_short();
        a.land(empty);
        a.ret();
        a.land(equal);
        a.land(always);
        a.lahf_seto();
    };
    EXPECT_EQ(text(emit), "jrcxz #3; jz #4; jmp #4; ret; lahf; seto al");
}

TEST(Assembler, a_distance_can_be_filled_in_later) {
    auto const emit = [](Assembler& a) {
        a.byte(0xe9);
        u32 const field = a.offset();
        a.word32(0);
        a.patch_relative(field, runs_at + 0x100);
    };
    EXPECT_EQ(text(emit), "jmp there");
}

TEST(Assembler, aligns_the_place_where_the_code_runs) {
    std::array<u8, 64> bytes{};
    Assembler a{bytes, runs_at + 3};
    a.ret();
    a.align(16);
    EXPECT_EQ(a.here(), runs_at + 16);
}

// ---- the end of the buffer

TEST(Assembler, writes_nothing_past_the_end) {
    std::array<u8, 8> bytes{};
    Assembler a{std::span{bytes}.first(6), runs_at};
    a.jump(runs_at);
    EXPECT_FALSE(a.overflowed());
    a.mov_imm(rax, 1);
    EXPECT_TRUE(a.overflowed());
    EXPECT_EQ(bytes[6], 0);
    EXPECT_EQ(bytes[7], 0);
    a.patch_relative(4, runs_at);
    EXPECT_EQ(bytes[7], 0);
}

} // namespace
} // namespace ring3
