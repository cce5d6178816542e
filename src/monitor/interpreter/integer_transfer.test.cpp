#include "monitor/interpreter/test_machine.h"

#include <gtest/gtest.h>

using namespace ring3;

namespace {

constexpr u32 cf = 1, pf = 4, af = 0x10, zf = 0x40, sf = 0x80, of = 0x800;

TEST(IntegerTransfer, mov_between_registers_memory_and_immediates) {
    TestMachine m;
    m.code({0xb8, 0x78, 0x56, 0x34, 0x12,                   // mov eax, 0x12345678
            0xa3, 0x00, 0x30, 0,    0,                      // mov [0x3000], eax
            0x8a, 0x1d, 0x01, 0x30, 0,    0,                // mov bl, [0x3001]
            0x88, 0xdc,                                     // mov ah, bl
            0x66, 0xc7, 0x05, 0x02, 0x30, 0, 0, 0xcd, 0xab, // mov word [0x3002], 0xabcd
            0xa0, 0x03, 0x30, 0,    0});                    // mov al, [0x3003]
    EXPECT_EQ(m.run(6), Outcome::next());
    EXPECT_EQ(m.reg(ebx), 0x56u);
    EXPECT_EQ(m.reg(eax), 0x1234'56abu);
    EXPECT_EQ(m.peek<u32>(0x3000), 0xabcd'5678u);
}

TEST(IntegerTransfer, addresses_are_base_scaled_index_and_displacement) {
    TestMachine m;
    m.reg(ebx) = 0x3000;
    m.reg(esi) = 0x10;
    m.poke<u32>(0x3044, 0xcafe);
    EXPECT_EQ(m.execute({0x8b, 0x44, 0xb3, 0x04}), Outcome::next()); // mov eax, [ebx+esi*4+4]
    EXPECT_EQ(m.reg(eax), 0xcafeu);
    EXPECT_EQ(m.execute({0x8d, 0x54, 0xb3, 0x04}), Outcome::next()); // lea edx, [ebx+esi*4+4]
    EXPECT_EQ(m.reg(edx), 0x3044u);
    m.reg(ebx) = 0xffff'ffff;
    EXPECT_EQ(m.execute({0x66, 0x8d, 0x53, 0x05}), Outcome::next()); // lea dx, [ebx+5]
    EXPECT_EQ(m.reg(edx), 0x0004u);
    EXPECT_EQ(m.execute({0x67, 0x8d, 0x57, 0x05}), Outcome::next()); // lea edx, [bx+5]
    EXPECT_EQ(m.reg(edx), 4u) << "16-bit addresses wrap at 64 KiB";
}

TEST(IntegerTransfer, limits_are_enforced_with_the_fault_of_the_segment) {
    TestMachine m;
    m.set_limit(SegmentName::ds, 0x3001);
    m.set_limit(SegmentName::ss, 0x3001);
    m.reg(ebp) = 0x2ffe;
    EXPECT_EQ(m.execute({0x8b, 0x45, 0x00}), Outcome::next());                     // mov eax, [ebp]
    EXPECT_EQ(m.execute({0x8b, 0x45, 0x01}), Outcome::fault(Vector::ss, 0));       // mov eax, [ebp+1]
    EXPECT_EQ(m.execute({0xa1, 0xff, 0x2f, 0, 0}), Outcome::fault(Vector::gp, 0)); // mov eax, [0x2fff]
    EXPECT_EQ(m.execute({0x2e, 0xa3, 0x00, 0x20, 0, 0}), Outcome::fault(Vector::gp, 0)) << "cs is not writable";
}

TEST(IntegerTransfer, extensions) {
    TestMachine m;
    m.poke<u32>(0x3000, 0xffff'ff80);
    EXPECT_EQ(m.execute({0x0f, 0xb6, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // movzx eax, byte [0x3000]
    EXPECT_EQ(m.reg(eax), 0x80u);
    EXPECT_EQ(m.execute({0x0f, 0xbe, 0xd8}), Outcome::next()); // movsx ebx, al
    EXPECT_EQ(m.reg(ebx), 0xffff'ff80u);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0xbe, 0xc8}), Outcome::next()); // movsx cx, al
    EXPECT_EQ(m.reg(ecx), 0xff80u);
    EXPECT_EQ(m.execute({0x0f, 0xb7, 0xd1}), Outcome::next()); // movzx edx, cx
    EXPECT_EQ(m.reg(edx), 0xff80u);
    EXPECT_EQ(m.execute({0x0f, 0xbf, 0xd1}), Outcome::next()); // movsx edx, cx
    EXPECT_EQ(m.reg(edx), 0xffff'ff80u);
}

TEST(IntegerTransfer, conditions_are_those_of_the_manual) {
    struct Case {
        u8 condition;
        u32 flags;
        bool holds;
    };
    constexpr Case cases[] = {
        {0, of, true},   {1, of, false}, {2, cf, true},  {3, 0, true},         {4, zf, true},       {5, zf, false},
        {6, cf, true},   {6, zf, true},  {7, 0, true},   {8, sf, true},        {9, sf, false},      {10, pf, true},
        {11, pf, false}, {12, sf, true}, {12, of, true}, {12, sf | of, false}, {13, sf | of, true}, {14, zf, true},
        {14, sf, true},  {14, 0, false}, {15, 0, true},  {15, zf | sf, false}};
    TestMachine m;
    for (Case const& c : cases) {
        m.set_flags(c.flags);
        m.reg(eax) = 0x55;
        EXPECT_EQ(m.execute({0x0f, static_cast<u8>(0x90 + c.condition), 0xc0}), Outcome::next()); // setcc al
        EXPECT_EQ(m.reg(eax), c.holds ? 1u : 0u) << +c.condition << " " << c.flags;
        m.reg(ebx) = 0x1234'5678;
        EXPECT_EQ(m.execute({0x0f, static_cast<u8>(0x40 + c.condition), 0xc3}), Outcome::next()); // cmovcc eax, ebx
        EXPECT_EQ(m.reg(eax), c.holds ? 0x1234'5678u : 0u);
        EXPECT_EQ(m.execute({static_cast<u8>(0x70 + c.condition), 0x10}), Outcome::next()); // jcc +16
        EXPECT_EQ(m.cpu.eip, TestMachine::code_start + 2 + (c.holds ? 0x10 : 0));
    }
}

TEST(IntegerTransfer, cmov_reads_memory_even_if_it_does_not_move) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x3000);
    m.set_flags(0);
    EXPECT_EQ(m.execute({0x0f, 0x44, 0x05, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 0)); // cmovz eax, [0x3000]
}

TEST(IntegerTransfer, exchanges) {
    TestMachine m;
    m.reg(eax) = 1;
    m.reg(ebx) = 2;
    EXPECT_EQ(m.execute({0x93}), Outcome::next()); // xchg eax, ebx
    EXPECT_EQ(m.reg(eax), 2u);
    EXPECT_EQ(m.reg(ebx), 1u);
    m.poke<u16>(0x3000, 0xaaaa);
    EXPECT_EQ(m.execute({0x66, 0x87, 0x1d, 0x00, 0x30, 0, 0}), Outcome::next()); // xchg [0x3000], bx
    EXPECT_EQ(m.peek<u16>(0x3000), 1u);
    EXPECT_EQ(m.reg(ebx), 0xaaaau);
    m.reg(ecx) = 3;
    EXPECT_EQ(m.execute({0x0f, 0xc1, 0xc8}), Outcome::next()); // xadd eax, ecx
    EXPECT_EQ(m.reg(eax), 5u);
    EXPECT_EQ(m.reg(ecx), 2u);
    EXPECT_EQ(m.execute({0x0f, 0xc1, 0xc0}), Outcome::next()); // xadd eax, eax
    EXPECT_EQ(m.reg(eax), 10u);
}

TEST(IntegerTransfer, cmpxchg_compares_with_the_accumulator_and_always_writes) {
    TestMachine m;
    m.poke<u32>(0x3000, 5);
    m.reg(eax) = 4;
    m.reg(ecx) = 9;
    EXPECT_EQ(m.execute({0x0f, 0xb1, 0x0d, 0x00, 0x30, 0, 0}), Outcome::next()); // cmpxchg [0x3000], ecx
    EXPECT_EQ(m.reg(eax), 5u);
    EXPECT_EQ(m.peek<u32>(0x3000), 5u);
    EXPECT_EQ(m.flags() & Eflags::status, cf | sf | pf | af);
    EXPECT_EQ(m.execute({0xf0, 0x0f, 0xb1, 0x0d, 0x00, 0x30, 0, 0}), Outcome::next()); // lock cmpxchg
    EXPECT_EQ(m.peek<u32>(0x3000), 9u);
    EXPECT_EQ(m.flags() & zf, zf);
    m.enable_paging();
    m.make_read_only(0x3000);
    m.reg(eax) = 1;
    EXPECT_EQ(m.execute({0x0f, 0xb1, 0x0d, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 3));
    EXPECT_EQ(m.reg(eax), 1u);
}

TEST(IntegerTransfer, cmpxchg8b_touches_only_the_zero_flag) {
    TestMachine m;
    m.poke<u64>(0x3000, 0x1111'1111'2222'2222);
    m.reg(edx) = 0x1111'1111;
    m.reg(eax) = 0x2222'2222;
    m.reg(ecx) = 0x3333'3333;
    m.reg(ebx) = 0x4444'4444;
    m.set_flags(cf | of);
    EXPECT_EQ(m.execute({0x0f, 0xc7, 0x0d, 0x00, 0x30, 0, 0}), Outcome::next()); // cmpxchg8b [0x3000]
    EXPECT_EQ(m.peek<u64>(0x3000), 0x3333'3333'4444'4444u);
    EXPECT_EQ(m.flags() & Eflags::status, cf | of | zf);
    EXPECT_EQ(m.execute({0x0f, 0xc7, 0x0d, 0x00, 0x30, 0, 0}), Outcome::next());
    EXPECT_EQ(m.reg(edx), 0x3333'3333u);
    EXPECT_EQ(m.reg(eax), 0x4444'4444u);
    EXPECT_EQ(m.flags() & Eflags::status, cf | of);
}

TEST(IntegerTransfer, xlat_looks_up_al) {
    TestMachine m;
    m.reg(ebx) = 0x3000;
    m.reg(eax) = 0x1200'0007;
    m.poke<u8>(0x3007, 0x99);
    EXPECT_EQ(m.execute({0xd7}), Outcome::next()); // xlat
    EXPECT_EQ(m.reg(eax), 0x1200'0099u);
}

TEST(IntegerTransfer, flag_moves) {
    TestMachine m;
    m.reg(eax) = 0xff00;
    m.set_flags(of);
    EXPECT_EQ(m.execute({0x9e}), Outcome::next()); // sahf
    EXPECT_EQ(m.flags() & Eflags::status, cf | pf | af | zf | sf | of);
    m.set_flags(zf | of);
    EXPECT_EQ(m.execute({0x9f}), Outcome::next()); // lahf
    EXPECT_EQ(m.reg(eax), 0x4200u);
    EXPECT_EQ(m.execute({0xf9}), Outcome::next()); // stc
    EXPECT_EQ(m.execute({0xd6}), Outcome::next()); // salc
    EXPECT_EQ(m.reg(eax), 0x42ffu);
    EXPECT_EQ(m.execute({0xf5}), Outcome::next()); // cmc
    EXPECT_EQ(m.execute({0xfd}), Outcome::next()); // std
    EXPECT_EQ(m.flags(), zf | of | Eflags::DF::mask | Eflags::fixed_one);
    EXPECT_EQ(m.execute({0xfc}), Outcome::next()); // cld
    EXPECT_EQ(m.flags(), zf | of | Eflags::fixed_one);
}

TEST(IntegerTransfer, bound_checks_signed_bounds) {
    TestMachine m;
    m.poke<u32>(0x3000, static_cast<u32>(-5));
    m.poke<u32>(0x3004, 5);
    m.reg(eax) = static_cast<u32>(-5);
    EXPECT_EQ(m.execute({0x62, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // bound eax, [0x3000]
    m.reg(eax) = 6;
    EXPECT_EQ(m.execute({0x62, 0x05, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::br));
}

TEST(IntegerTransfer, bound_reads_the_upper_bound_only_if_it_must) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x4000);
    m.poke<u32>(0x3ffc, 5);
    m.reg(eax) = 4;
    EXPECT_EQ(m.execute({0x62, 0x05, 0xfc, 0x3f, 0, 0}), Outcome::fault(Vector::br)); // bound eax, [0x3ffc]
    m.reg(eax) = 5;
    EXPECT_EQ(m.execute({0x62, 0x05, 0xfc, 0x3f, 0, 0}), Outcome::fault(Vector::pf, 0));
}

TEST(IntegerTransfer, instructions_without_effect) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x3000);
    EXPECT_EQ(m.execute({0x0f, 0x1f, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()) << "nop [0x3000] touches nothing";
    EXPECT_EQ(m.execute({0x0f, 0x18, 0x0d, 0x00, 0x30, 0, 0}), Outcome::next()) << "nor does prefetcht0";
    EXPECT_EQ(m.execute({0xf3, 0x90}), Outcome::next());       // pause
    EXPECT_EQ(m.execute({0x0f, 0xae, 0xf0}), Outcome::next()); // mfence
    EXPECT_EQ(m.execute({0x0f, 0xae, 0x3d, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 0)) << "clflush does";
    EXPECT_EQ(m.execute({0x0f, 0x0b}), Outcome::fault(Vector::ud)); // ud2
}

TEST(IntegerTransfer, cache_lines_may_be_flushed_through_execute_only_segments) {
    TestMachine m;
    m.enable_paging();
    m.cpu.seg(SegmentName::cs) = Segment::from_descriptor({{8}}, {0x00cf'9900'0000'ffff});
    m.unmap(0x3000);
    EXPECT_EQ(m.execute({0x2e, 0x8b, 0x05, 0x00, 0x20, 0, 0}), Outcome::fault(Vector::gp, 0)); // mov eax, cs:[0x2000]
    EXPECT_EQ(m.execute({0x2e, 0x0f, 0xae, 0x3d, 0x00, 0x20, 0, 0}), Outcome::next());         // clflush cs:[0x2000]
    EXPECT_EQ(m.execute({0x2e, 0x0f, 0xae, 0x3d, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 0));
    m.set_limit(SegmentName::cs, 0x1fff);
    EXPECT_EQ(m.execute({0x2e, 0x0f, 0xae, 0x3d, 0x00, 0x20, 0, 0}), Outcome::fault(Vector::gp, 0));
}

TEST(IntegerTransfer, random_numbers_set_carry) {
    TestMachine m;
    if (!m.model().has(insn::Feature::rdrand)) GTEST_SKIP() << "this host has no RDRAND";
    m.set_flags(Eflags::status);
    EXPECT_EQ(m.execute({0x0f, 0xc7, 0xf0}), Outcome::next()); // rdrand eax
    EXPECT_EQ(m.flags() & Eflags::status & ~cf, 0u);
}

} // namespace
