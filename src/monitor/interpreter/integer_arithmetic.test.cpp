#include "monitor/interpreter/test_machine.h"

#include <gtest/gtest.h>

using namespace ring3;

namespace {

constexpr u32 cf = 1, pf = 4, af = 0x10, zf = 0x40, sf = 0x80, of = 0x800;
constexpr u32 status = Eflags::status;

TEST(IntegerArithmetic, add_works_in_every_shape_and_width) {
    TestMachine m;
    m.reg(eax) = 0x1234'56ff;
    m.reg(ebx) = 0x0000'0001;
    EXPECT_EQ(m.execute({0x00, 0xd8}), Outcome::next()); // add al, bl
    EXPECT_EQ(m.reg(eax), 0x1234'5600u) << "the rest of the register stays";
    EXPECT_EQ(m.flags() & status, cf | zf | pf | af);
    EXPECT_EQ(m.execute({0x66, 0x01, 0xd8}), Outcome::next()); // add ax, bx
    EXPECT_EQ(m.reg(eax), 0x1234'5601u);
    EXPECT_EQ(m.execute({0x05, 0xff, 0xff, 0xff, 0xff}), Outcome::next()); // add eax, -1
    EXPECT_EQ(m.reg(eax), 0x1234'5600u);
    EXPECT_EQ(m.execute({0x83, 0xc0, 0xff}), Outcome::next()); // add eax, -1 (imm8)
    EXPECT_EQ(m.reg(eax), 0x1234'55ffu);
    m.poke<u32>(0x3000, 0x8000'0000);
    EXPECT_EQ(m.execute({0x01, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // add [0x3000], eax
    EXPECT_EQ(m.peek<u32>(0x3000), 0x9234'55ffu);
    EXPECT_EQ(m.execute({0x03, 0x1d, 0x00, 0x30, 0, 0}), Outcome::next()); // add ebx, [0x3000]
    EXPECT_EQ(m.reg(ebx), 0x9234'5600u);
    EXPECT_EQ(m.execute({0x80, 0x05, 0x03, 0x30, 0, 0, 0x6e}), Outcome::next()); // add byte [0x3003], 0x6e
    EXPECT_EQ(m.peek<u32>(0x3000), 0x0034'55ffu);
    EXPECT_EQ(m.flags() & status, cf | zf | pf | af);
}

TEST(IntegerArithmetic, high_byte_registers_are_reached) {
    TestMachine m;
    m.reg(eax) = 0x0000'1200;
    m.reg(edx) = 0x0000'3400;
    EXPECT_EQ(m.execute({0x28, 0xf4}), Outcome::next()); // sub ah, dh
    EXPECT_EQ(m.reg(eax), 0xde00u);
    EXPECT_EQ(m.flags() & status, cf | sf | pf | af);
}

TEST(IntegerArithmetic, carry_chains_through_adc_and_sbb) {
    TestMachine m;
    m.reg(eax) = 0xffff'ffff;
    m.reg(edx) = 7;
    m.code({0x83, 0xc0, 0x01,   // add eax, 1
            0x83, 0xd2, 0x00,   // adc edx, 0
            0x83, 0xe8, 0x01,   // sub eax, 1
            0x83, 0xda, 0x00}); // sbb edx, 0
    EXPECT_EQ(m.run(2), Outcome::next());
    EXPECT_EQ(m.reg(edx), 8u);
    EXPECT_EQ(m.run(2), Outcome::next());
    EXPECT_EQ(m.reg(edx), 7u);
    EXPECT_EQ(m.reg(eax), 0xffff'ffffu);
}

TEST(IntegerArithmetic, cmp_and_test_write_nothing) {
    TestMachine m;
    m.enable_paging();
    m.make_read_only(0x3000);
    m.poke<u32>(0x3000, 5);
    EXPECT_EQ(m.execute({0x83, 0x3d, 0x00, 0x30, 0, 0, 5}), Outcome::next()); // cmp dword [0x3000], 5
    EXPECT_EQ(m.flags() & status, zf | pf);
    m.reg(eax) = 0x8000'0000;
    EXPECT_EQ(m.execute({0x85, 0xc0}), Outcome::next()); // test eax, eax
    EXPECT_EQ(m.flags() & (status & ~af), sf | pf);
    EXPECT_EQ(m.reg(eax), 0x8000'0000u);
}

TEST(IntegerArithmetic, a_read_modify_write_faults_as_a_write_and_changes_nothing) {
    TestMachine m;
    m.enable_paging();
    m.make_read_only(0x3000);
    m.poke<u32>(0x3000, 5);
    m.set_flags(cf | of);
    EXPECT_EQ(m.execute({0xff, 0x05, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 3)); // inc dword [0x3000]
    EXPECT_EQ(m.peek<u32>(0x3000), 5u);
    EXPECT_EQ(m.flags() & status, cf | of);
    EXPECT_EQ(m.cpu.eip, TestMachine::code_start);
    m.unmap(0x4000);
    EXPECT_EQ(m.execute({0x83, 0x05, 0xfe, 0x3f, 0, 0, 1}), Outcome::fault(Vector::pf, 3)) << "crosses both pages";
    m.set_page(0x3000, 0x3007);
    EXPECT_EQ(m.execute({0x83, 0x05, 0xfe, 0x3f, 0, 0, 1}), Outcome::fault(Vector::pf, 2)); // add dword [0x3ffe], 1
    EXPECT_EQ(m.v.mmu.fault_address().raw, 0x4000u);
}

TEST(IntegerArithmetic, neg_not_inc_dec_work_on_memory) {
    TestMachine m;
    m.poke<u16>(0x3000, 1);
    EXPECT_EQ(m.execute({0x66, 0xf7, 0x1d, 0x00, 0x30, 0, 0}), Outcome::next()); // neg word [0x3000]
    EXPECT_EQ(m.peek<u16>(0x3000), 0xffff);
    EXPECT_EQ(m.execute({0x66, 0xf7, 0x15, 0x00, 0x30, 0, 0}), Outcome::next()); // not word [0x3000]
    EXPECT_EQ(m.peek<u16>(0x3000), 0);
    EXPECT_EQ(m.execute({0xfe, 0x0d, 0x00, 0x30, 0, 0}), Outcome::next()); // dec byte [0x3000]
    EXPECT_EQ(m.peek<u16>(0x3000), 0xff);
    m.reg(ecx) = 0xffff'ffff;
    m.set_flags(cf);
    EXPECT_EQ(m.execute({0x41}), Outcome::next()); // inc ecx
    EXPECT_EQ(m.reg(ecx), 0u);
    EXPECT_EQ(m.flags() & status, cf | zf | pf | af);
}

TEST(IntegerArithmetic, products_fill_the_double_accumulator) {
    TestMachine m;
    m.reg(eax) = 0x8000'0000;
    m.reg(ecx) = 4;
    EXPECT_EQ(m.execute({0xf7, 0xe1}), Outcome::next()); // mul ecx
    EXPECT_EQ(m.reg(edx), 2u);
    EXPECT_EQ(m.reg(eax), 0u);
    m.reg(eax) = 0xffff'ff80;
    m.reg(ecx) = 2;
    EXPECT_EQ(m.execute({0xf6, 0xe9}), Outcome::next()); // imul cl
    EXPECT_EQ(m.reg(eax), 0xffff'ff00u);
    EXPECT_EQ(m.flags() & (cf | of), cf | of);
    m.reg(ebx) = 7;
    EXPECT_EQ(m.execute({0x6b, 0xcb, 0xfd}), Outcome::next()); // imul ecx, ebx, -3
    EXPECT_EQ(m.reg(ecx), 0xffff'ffebu);
    EXPECT_EQ(m.execute({0x0f, 0xaf, 0xcb}), Outcome::next()); // imul ecx, ebx
    EXPECT_EQ(m.reg(ecx), static_cast<u32>(-147));
}

TEST(IntegerArithmetic, division_yields_quotient_and_remainder_or_a_divide_error) {
    TestMachine m;
    m.reg(edx) = 1;
    m.reg(eax) = 5;
    m.reg(ecx) = 16;
    EXPECT_EQ(m.execute({0xf7, 0xf1}), Outcome::next()); // div ecx
    EXPECT_EQ(m.reg(eax), 0x1000'0000u);
    EXPECT_EQ(m.reg(edx), 5u);
    m.reg(edx) = 16;
    EXPECT_EQ(m.execute({0xf7, 0xf1}), Outcome::fault(Vector::de)) << "quotient does not fit";
    m.reg(ecx) = 0;
    EXPECT_EQ(m.execute({0xf7, 0xf9}), Outcome::fault(Vector::de)) << "idiv by zero";
    EXPECT_EQ(m.reg(edx), 16u);
    m.reg(edx) = 0xffff'ffff;
    m.reg(eax) = 0x8000'0000;
    m.reg(ecx) = 0xffff'ffff;
    EXPECT_EQ(m.execute({0xf7, 0xf9}), Outcome::fault(Vector::de)) << "-2^31 / -1";
    m.reg(eax) = static_cast<u32>(-7);
    m.reg(ecx) = 2;
    EXPECT_EQ(m.execute({0xf7, 0xf9}), Outcome::next()); // idiv ecx
    EXPECT_EQ(m.reg(eax), static_cast<u32>(-3));
    EXPECT_EQ(m.reg(edx), static_cast<u32>(-1));
}

TEST(IntegerArithmetic, sign_extension_of_the_accumulator) {
    TestMachine m;
    m.reg(eax) = 0x1234'0080;
    EXPECT_EQ(m.execute({0x66, 0x98}), Outcome::next()); // cbw
    EXPECT_EQ(m.reg(eax), 0x1234'ff80u);
    EXPECT_EQ(m.execute({0x98}), Outcome::next()); // cwde
    EXPECT_EQ(m.reg(eax), 0xffff'ff80u);
    m.reg(edx) = 0x5555'5555;
    EXPECT_EQ(m.execute({0x66, 0x99}), Outcome::next()); // cwd
    EXPECT_EQ(m.reg(edx), 0x5555'ffffu);
    m.reg(eax) = 1;
    EXPECT_EQ(m.execute({0x99}), Outcome::next()); // cdq
    EXPECT_EQ(m.reg(edx), 0u);
}

struct DecimalCase {
    u8 opcode;
    u16 ax;
    u32 flags_in;
    u16 result;
    u32 flags_out; // CF and AF
};

TEST(IntegerArithmetic, decimal_adjustments_follow_the_manual) {
    // The first DAA and DAS are SDM 2A's examples: 79H + 35H = AEH -> 14H with carry; 35H - 47H = EEH -> 88H.
    constexpr DecimalCase cases[] = {
        {0x27, 0x00ae, 0, 0x0014, cf | af},  {0x27, 0x0034, 0, 0x0034, 0},
        {0x27, 0x009a, 0, 0x0000, cf | af},  {0x27, 0x0034, af, 0x003a, af},
        {0x27, 0x0034, cf, 0x0094, cf},      {0x2f, 0x00ee, cf | af, 0x0088, cf | af},
        {0x2f, 0x0005, af, 0x00ff, cf | af}, {0x2f, 0x0015, af, 0x000f, af},
        {0x2f, 0x00a0, 0, 0x0040, cf},       {0x37, 0x000b, 0, 0x0101, cf | af},
        {0x37, 0x00fb, 0, 0x0201, cf | af},  {0x37, 0x0075, cf, 0x0005, 0},
        {0x37, 0x0003, af, 0x0109, cf | af}, {0x3f, 0x020b, 0, 0x0105, cf | af},
        {0x3f, 0x0203, af, 0x000d, cf | af}, {0x3f, 0x0275, cf, 0x0205, 0},
    };
    for (DecimalCase const& c : cases) {
        TestMachine m;
        m.reg(eax) = c.ax;
        m.set_flags(c.flags_in);
        EXPECT_EQ(m.execute({c.opcode}), Outcome::next());
        EXPECT_EQ(m.reg(eax), c.result) << std::hex << +c.opcode << " of " << c.ax;
        EXPECT_EQ(m.flags() & (cf | af), c.flags_out) << std::hex << +c.opcode << " of " << c.ax;
    }
}

TEST(IntegerArithmetic, aam_and_aad_convert_between_digits_and_binary) {
    TestMachine m;
    m.reg(eax) = 0x3f;
    EXPECT_EQ(m.execute({0xd4, 10}), Outcome::next()); // aam
    EXPECT_EQ(m.reg(eax), 0x0603u);
    EXPECT_EQ(m.flags() & (sf | zf | pf), pf);
    EXPECT_EQ(m.execute({0xd5, 10}), Outcome::next()); // aad
    EXPECT_EQ(m.reg(eax), 0x003fu);
    EXPECT_EQ(m.execute({0xd4, 0}), Outcome::fault(Vector::de));
    m.reg(eax) = 0x0100;
    EXPECT_EQ(m.execute({0xd5, 0}), Outcome::next()); // aad 0
    EXPECT_EQ(m.flags() & (sf | zf | pf), zf | pf);
}

TEST(IntegerArithmetic, shifts_take_their_count_from_immediate_one_or_cl) {
    TestMachine m;
    m.reg(eax) = 0x8000'0001;
    EXPECT_EQ(m.execute({0xd1, 0xe0}), Outcome::next()); // shl eax, 1
    EXPECT_EQ(m.reg(eax), 2u);
    EXPECT_EQ(m.flags() & (cf | of), cf | of);
    EXPECT_EQ(m.execute({0xc1, 0xe0, 30}), Outcome::next()); // shl eax, 30
    EXPECT_EQ(m.reg(eax), 0x8000'0000u);
    m.reg(ecx) = 31 + 32;
    EXPECT_EQ(m.execute({0xd3, 0xf8}), Outcome::next()); // sar eax, cl
    EXPECT_EQ(m.reg(eax), 0xffff'ffffu);
    m.poke<u8>(0x3000, 0x81);
    EXPECT_EQ(m.execute({0xd2, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // rol byte [0x3000], cl
    EXPECT_EQ(m.peek<u8>(0x3000), 0xc0);
    m.set_flags(cf);
    EXPECT_EQ(m.execute({0xc0, 0x15, 0x00, 0x30, 0, 0, 1}), Outcome::next()); // rcl byte [0x3000], 1
    EXPECT_EQ(m.peek<u8>(0x3000), 0x81);
    EXPECT_EQ(m.flags() & cf, cf);
}

TEST(IntegerArithmetic, a_count_of_zero_leaves_all_flags) {
    TestMachine m;
    m.reg(ecx) = 0x20;
    m.set_flags(status);
    EXPECT_EQ(m.execute({0xd3, 0xe0}), Outcome::next());       // shl eax, cl
    EXPECT_EQ(m.execute({0xc1, 0xe8, 0}), Outcome::next());    // shr eax, 0
    EXPECT_EQ(m.execute({0x0f, 0xa5, 0xd8}), Outcome::next()); // shld eax, ebx, cl
    EXPECT_EQ(m.flags() & status, status);
}

TEST(IntegerArithmetic, double_shifts_by_immediate_and_by_cl) {
    TestMachine m;
    m.reg(eax) = 0x1234'5678;
    m.reg(ebx) = 0x9abc'def0;
    EXPECT_EQ(m.execute({0x0f, 0xa4, 0xd8, 8}), Outcome::next()); // shld eax, ebx, 8
    EXPECT_EQ(m.reg(eax), 0x3456'789au);
    m.poke<u32>(0x3000, 0x1234'5678);
    m.reg(ecx) = 4;
    EXPECT_EQ(m.execute({0x0f, 0xad, 0x1d, 0x00, 0x30, 0, 0}), Outcome::next()); // shrd [0x3000], ebx, cl
    EXPECT_EQ(m.peek<u32>(0x3000), 0x0123'4567u);
}

} // namespace
