#include "monitor/interpreter/test_machine.h"

#include <gtest/gtest.h>

using namespace ring3;

namespace {

constexpr u32 cf = 1, zf = 0x40, df = 0x400, tf = 0x100;

void set_strings(TestMachine& m, u32 source, u32 destination, u32 count) {
    m.reg(esi) = source;
    m.reg(edi) = destination;
    m.reg(ecx) = count;
}

TEST(IntegerString, a_single_movs_ignores_ecx) {
    TestMachine m;
    m.poke<u32>(0x3000, 0xdead'beef);
    set_strings(m, 0x3000, 0x4000, 0);
    EXPECT_EQ(m.execute({0xa5}), Outcome::next()); // movsd
    EXPECT_EQ(m.peek<u32>(0x4000), 0xdead'beefu);
    EXPECT_EQ(m.reg(esi), 0x3004u);
    EXPECT_EQ(m.reg(edi), 0x4004u);
    m.set_flags(df);
    EXPECT_EQ(m.execute({0xa4}), Outcome::next()); // movsb
    EXPECT_EQ(m.reg(esi), 0x3003u);
}

TEST(IntegerString, a_count_of_zero_does_nothing) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x3000);
    set_strings(m, 0x3000, 0x3000, 0);
    m.set_flags(zf);
    EXPECT_EQ(m.execute({0xf3, 0xa6}), Outcome::next()); // repe cmpsb
    EXPECT_EQ(m.flags(), zf | Eflags::fixed_one);
    EXPECT_EQ(m.reg(esi), 0x3000u);
}

TEST(IntegerString, long_copies_stop_between_iterations_and_come_back) {
    TestMachine m;
    for (u32 i = 0; i < 10000; ++i) m.poke<u32>(0x10'0004 + 4 * i, i * 77);
    set_strings(m, 0x10'0004, 0x20'0001, 10000);
    m.code({0xf3, 0xa5}); // rep movsd
    unsigned visits = 1;
    while (m.step() == Outcome::again()) {
        EXPECT_EQ(m.cpu.eip, TestMachine::code_start);
        ++visits;
    }
    EXPECT_GT(visits, 1u);
    EXPECT_EQ(m.cpu.eip, TestMachine::code_start + 2);
    EXPECT_EQ(m.reg(ecx), 0u);
    EXPECT_EQ(m.reg(esi), 0x10'0004u + 40000);
    for (u32 i = 0; i < 10000; ++i) ASSERT_EQ(m.peek<u32>(0x20'0001 + 4 * i), i * 77) << i;
    EXPECT_EQ(m.peek<u8>(0x20'0001 + 40000), 0);
}

TEST(IntegerString, an_overlapping_copy_repeats_its_beginning) {
    TestMachine m;
    m.poke<u32>(0x3000, 0x0403'0201);
    set_strings(m, 0x3000, 0x3003, 9);
    EXPECT_EQ(m.execute({0xf3, 0xa4}), Outcome::next()); // rep movsb
    for (u32 i = 0; i < 12; ++i) EXPECT_EQ(m.peek<u8>(0x3000 + i), 1 + i % 3) << i;
}

TEST(IntegerString, copies_run_downwards_with_the_direction_flag) {
    TestMachine m;
    for (u32 i = 0; i < 16; ++i) m.poke<u8>(0x3000 + i, static_cast<u8>(i));
    set_strings(m, 0x300f, 0x3013, 16);
    m.set_flags(df);
    EXPECT_EQ(m.execute({0xf3, 0xa4}), Outcome::next()); // rep movsb
    for (u32 i = 0; i < 16; ++i) EXPECT_EQ(m.peek<u8>(0x3004 + i), i);
    EXPECT_EQ(m.reg(edi), 0x3003u);
}

TEST(IntegerString, a_fault_in_the_middle_keeps_the_completed_iterations) {
    TestMachine m;
    m.enable_paging();
    m.make_read_only(0x5000);
    set_strings(m, 0x3000, 0x4ff6, 8);
    m.reg(eax) = 0x1122'3344;
    EXPECT_EQ(m.execute({0xf3, 0xab}), Outcome::fault(Vector::pf, 3)); // rep stosd
    EXPECT_EQ(m.reg(ecx), 6u);
    EXPECT_EQ(m.reg(edi), 0x4ffeu);
    EXPECT_EQ(m.peek<u32>(0x4ffa), 0x1122'3344u);
    EXPECT_EQ(m.peek<u16>(0x4ffe), 0u) << "the element across the border was not torn";
    EXPECT_EQ(m.v.mmu.fault_address().raw, 0x5000u);
    EXPECT_EQ(m.cpu.eip, TestMachine::code_start);
}

TEST(IntegerString, a_source_fault_does_not_dirty_the_destination) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x3000);
    set_strings(m, 0x3000, 0x4000, 8);
    EXPECT_EQ(m.execute({0xf3, 0xa5}), Outcome::fault(Vector::pf, 0)); // rep movsd
    EXPECT_EQ(m.peek<u32>(TestMachine::table_entry(0x4000)) & 0x60, 0u);
}

TEST(IntegerString, limits_end_a_run) {
    TestMachine m;
    m.set_limit(SegmentName::es, 0x4006);
    set_strings(m, 0x3000, 0x4000, 8);
    m.reg(eax) = 0xff;
    EXPECT_EQ(m.execute({0xf3, 0xaa}), Outcome::fault(Vector::gp, 0)); // rep stosb
    EXPECT_EQ(m.reg(ecx), 1u);
    EXPECT_EQ(m.reg(edi), 0x4007u);
}

TEST(IntegerString, sixteen_bit_indexes_wrap) {
    TestMachine m{TestMode::flat16};
    m.reg(edi) = 0xabcd'fffe;
    m.reg(ecx) = 0x7777'0004;
    m.reg(eax) = 0x5a;
    EXPECT_EQ(m.execute({0xf3, 0xaa}), Outcome::next()); // rep stosb
    EXPECT_EQ(m.reg(edi), 0xabcd'0002u);
    EXPECT_EQ(m.reg(ecx), 0x7777'0000u);
    EXPECT_EQ(m.peek<u16>(0xfffe), 0x5a5au);
    EXPECT_EQ(m.peek<u16>(0), 0x5a5au);
}

TEST(IntegerString, repne_scas_finds_an_element_and_repe_the_first_difference) {
    TestMachine m;
    m.poke<u8>(0x3000 + 300, 7);
    m.reg(eax) = 7;
    set_strings(m, 0, 0x3000, 0xffff'ffff);
    EXPECT_EQ(m.execute({0xf2, 0xae}), Outcome::next()); // repne scasb
    EXPECT_EQ(m.reg(edi), 0x3000u + 301);
    EXPECT_EQ(m.reg(ecx), 0xffff'ffffu - 301);
    EXPECT_EQ(m.flags() & zf, zf);
    m.reg(eax) = 0;
    set_strings(m, 0, 0x3000, 1000);
    EXPECT_EQ(m.execute({0xf3, 0xae}), Outcome::next()); // repe scasb
    EXPECT_EQ(m.reg(edi), 0x3000u + 301);
    EXPECT_EQ(m.flags() & (zf | cf), cf) << "0 - 7 borrows";
}

TEST(IntegerString, cmps_compares_source_with_destination) {
    TestMachine m;
    m.poke<u32>(0x3008, 1);
    m.poke<u32>(0x4008, 2);
    set_strings(m, 0x3000, 0x4000, 100);
    EXPECT_EQ(m.execute({0xf3, 0xa7}), Outcome::next()); // repe cmpsd
    EXPECT_EQ(m.reg(ecx), 97u);
    EXPECT_EQ(m.reg(esi), 0x300cu);
    EXPECT_EQ(m.flags() & (zf | cf), cf);
    set_strings(m, 0x3000, 0x4000, 2);
    EXPECT_EQ(m.execute({0xf3, 0xa7}), Outcome::next());
    EXPECT_EQ(m.reg(ecx), 0u);
    EXPECT_EQ(m.flags() & zf, zf);
}

TEST(IntegerString, a_fault_restores_the_flags_of_a_comparison) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x4000);
    set_strings(m, 0, 0x3ff0, 100);
    m.reg(eax) = 0;
    m.set_flags(cf);
    EXPECT_EQ(m.execute({0xf3, 0xae}), Outcome::fault(Vector::pf, 0)); // repe scasb
    EXPECT_EQ(m.reg(ecx), 84u);
    EXPECT_EQ(m.flags() & Eflags::status, cf);
}

TEST(IntegerString, lods_with_rep_leaves_the_last_element) {
    TestMachine m;
    m.poke<u16>(0x3004, 0xabcd);
    set_strings(m, 0x3000, 0, 3);
    m.reg(eax) = 0x1111'1111;
    EXPECT_EQ(m.execute({0x66, 0xf3, 0xad}), Outcome::next()); // rep lodsw
    EXPECT_EQ(m.reg(eax), 0x1111'abcdu);
    EXPECT_EQ(m.reg(esi), 0x3006u);
}

TEST(IntegerString, the_source_segment_can_be_overridden_and_the_destination_cannot) {
    TestMachine m;
    m.cpu.seg(SegmentName::fs).base = 0x1'0000;
    m.poke<u8>(0x1'3000, 0x42);
    set_strings(m, 0x3000, 0x4000, 1);
    EXPECT_EQ(m.execute({0x64, 0xa4}), Outcome::next()); // movsb with fs:
    EXPECT_EQ(m.peek<u8>(0x4000), 0x42);
    m.reg(eax) = 0x43;
    EXPECT_EQ(m.execute({0x64, 0xaa}), Outcome::next()); // stosb with fs:
    EXPECT_EQ(m.peek<u8>(0x4001), 0x43);
}

TEST(IntegerString, single_stepping_sees_every_iteration) {
    TestMachine m;
    set_strings(m, 0x3000, 0x4000, 3);
    m.set_flags(tf);
    m.code({0xf3, 0xa4}); // rep movsb
    EXPECT_EQ(m.step(), Outcome::again());
    EXPECT_EQ(m.reg(ecx), 2u);
    EXPECT_EQ(m.step(), Outcome::again());
    EXPECT_EQ(m.step(), Outcome::next());
    EXPECT_EQ(m.reg(ecx), 0u);
}

} // namespace
