#include "monitor/interpreter/test_machine.h"

#include <gtest/gtest.h>

using namespace ring3;

namespace {

constexpr u32 top = TestMachine::stack_top;

TEST(IntegerStack, push_esp_pushes_the_old_value_and_pop_esp_keeps_the_popped_one) {
    TestMachine m;
    EXPECT_EQ(m.execute({0x54}), Outcome::next()); // push esp
    EXPECT_EQ(m.reg(esp), top - 4);
    EXPECT_EQ(m.peek<u32>(top - 4), top);
    m.poke<u32>(top - 4, 0x5000);
    EXPECT_EQ(m.execute({0x5c}), Outcome::next()); // pop esp
    EXPECT_EQ(m.reg(esp), 0x5000u);
}

TEST(IntegerStack, immediates_are_extended_to_the_operand_size) {
    TestMachine m;
    EXPECT_EQ(m.execute({0x6a, 0xfe}), Outcome::next()); // push -2
    EXPECT_EQ(m.peek<u32>(top - 4), 0xffff'fffeu);
    EXPECT_EQ(m.execute({0x66, 0x6a, 0xfe}), Outcome::next()); // push word -2
    EXPECT_EQ(m.reg(esp), top - 6);
    EXPECT_EQ(m.peek<u16>(top - 6), 0xfffeu);
    EXPECT_EQ(m.execute({0x68, 0x78, 0x56, 0x34, 0x12}), Outcome::next()); // push 0x12345678
    EXPECT_EQ(m.peek<u32>(top - 10), 0x1234'5678u);
}

TEST(IntegerStack, pop_to_an_esp_relative_address_uses_the_incremented_esp) {
    TestMachine m;
    m.poke<u32>(top, 0xfeed);
    EXPECT_EQ(m.execute({0x8f, 0x44, 0x24, 0x04}), Outcome::next()); // pop dword [esp+4]
    EXPECT_EQ(m.peek<u32>(top + 8), 0xfeedu);
    EXPECT_EQ(m.execute({0xff, 0x74, 0x24, 0x04}), Outcome::next()); // push dword [esp+4]
    EXPECT_EQ(m.peek<u32>(top), 0xfeedu);
    EXPECT_EQ(m.reg(esp), top);
}

TEST(IntegerStack, a_faulting_pop_to_memory_leaves_esp) {
    TestMachine m;
    m.enable_paging();
    m.make_read_only(0x3000);
    EXPECT_EQ(m.execute({0x8f, 0x05, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 3)); // pop dword [0x3000]
    EXPECT_EQ(m.reg(esp), top);
}

TEST(IntegerStack, a_16_bit_stack_wraps_and_keeps_the_upper_half_of_esp) {
    TestMachine m{TestMode::real};
    m.reg(esp) = 0x1234'0000;
    m.reg(eax) = 0xabcd;
    EXPECT_EQ(m.execute({0x50}), Outcome::next()); // push ax
    EXPECT_EQ(m.reg(esp), 0x1234'fffeu);
    EXPECT_EQ(m.peek<u16>(0xfffe), 0xabcdu);
    EXPECT_EQ(m.execute({0x5b}), Outcome::next()); // pop bx
    EXPECT_EQ(m.reg(esp), 0x1234'0000u);
    EXPECT_EQ(m.reg(ebx), 0xabcdu);
}

TEST(IntegerStack, pushes_beyond_the_limit_are_stack_faults) {
    TestMachine m;
    m.set_limit(SegmentName::ss, 0x7ffe);
    EXPECT_EQ(m.execute({0x50}), Outcome::fault(Vector::ss, 0)); // push eax
    EXPECT_EQ(m.reg(esp), top);
}

TEST(IntegerStack, pusha_and_popa_mirror_each_other_but_for_esp) {
    TestMachine m;
    for (u8 i = 0; i < 8; ++i)
        if (i != esp) m.cpu.gpr[i] = 0x100u + i;
    EXPECT_EQ(m.execute({0x60}), Outcome::next()); // pusha
    EXPECT_EQ(m.reg(esp), top - 32);
    EXPECT_EQ(m.peek<u32>(top - 4), 0x100u);
    EXPECT_EQ(m.peek<u32>(top - 20), top) << "esp from before";
    EXPECT_EQ(m.peek<u32>(top - 32), 0x107u);
    for (u32 i = 0; i < 8; ++i) m.poke<u32>(top - 32 + 4 * i, 0x200 + i);
    EXPECT_EQ(m.execute({0x61}), Outcome::next()); // popa
    EXPECT_EQ(m.reg(esp), top);
    EXPECT_EQ(m.reg(edi), 0x200u);
    EXPECT_EQ(m.reg(eax), 0x207u);
}

TEST(IntegerStack, a_faulting_pusha_keeps_esp_and_what_it_stored) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x7000);
    m.reg(esp) = 0x8010;
    m.reg(eax) = 0x55;
    EXPECT_EQ(m.execute({0x60}), Outcome::fault(Vector::pf, 2)); // pusha
    EXPECT_EQ(m.reg(esp), 0x8010u);
    EXPECT_EQ(m.peek<u32>(0x800c), 0x55u) << "as on processors: the restarted instruction stores it again";
}

TEST(IntegerStack, enter_and_leave_build_and_drop_a_frame) {
    TestMachine m;
    m.reg(ebp) = 0x1234;
    EXPECT_EQ(m.execute({0xc8, 0x10, 0x00, 0x00}), Outcome::next()); // enter 16, 0
    EXPECT_EQ(m.reg(ebp), top - 4);
    EXPECT_EQ(m.reg(esp), top - 20);
    EXPECT_EQ(m.peek<u32>(top - 4), 0x1234u);
    EXPECT_EQ(m.execute({0xc9}), Outcome::next()); // leave
    EXPECT_EQ(m.reg(ebp), 0x1234u);
    EXPECT_EQ(m.reg(esp), top);
}

TEST(IntegerStack, enter_copies_the_display_of_enclosing_procedures) {
    TestMachine m;
    m.reg(ebp) = 0x9000;
    m.poke<u32>(0x8ffc, 0xaaaa);
    m.poke<u32>(0x8ff8, 0xbbbb);
    EXPECT_EQ(m.execute({0xc8, 0x08, 0x00, 0x03}), Outcome::next()); // enter 8, 3
    EXPECT_EQ(m.peek<u32>(top - 4), 0x9000u);
    EXPECT_EQ(m.peek<u32>(top - 8), 0xaaaau);
    EXPECT_EQ(m.peek<u32>(top - 12), 0xbbbbu);
    EXPECT_EQ(m.peek<u32>(top - 16), top - 4);
    EXPECT_EQ(m.reg(ebp), top - 4);
    EXPECT_EQ(m.reg(esp), top - 24);
}

TEST(IntegerStack, enter_checks_that_the_new_top_can_be_written) {
    TestMachine m;
    m.enable_paging();
    m.unmap(0x6000);
    m.reg(ebp) = 0x1234;
    EXPECT_EQ(m.execute({0xc8, 0x00, 0x12, 0x00}), Outcome::fault(Vector::pf, 2)); // enter 0x1200, 0
    EXPECT_EQ(m.reg(ebp), 0x1234u);
    EXPECT_EQ(m.reg(esp), top);
}

// ---- near branches ---------------------------------------------------------------------------------------------

TEST(IntegerBranch, call_and_ret) {
    TestMachine m;
    EXPECT_EQ(m.execute({0xe8, 0x10, 0, 0, 0}), Outcome::next()); // call +16
    EXPECT_EQ(m.cpu.eip, 0x1015u);
    EXPECT_EQ(m.peek<u32>(top - 4), 0x1005u);
    m.code({0xc2, 0x08, 0x00}, 0x1015); // ret 8
    EXPECT_EQ(m.step(), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x1005u);
    EXPECT_EQ(m.reg(esp), top + 8);
    m.reg(eax) = 0x2000;
    EXPECT_EQ(m.execute({0xff, 0xd0}), Outcome::next()); // call eax
    EXPECT_EQ(m.cpu.eip, 0x2000u);
    m.poke<u32>(0x3000, 0x2222);
    EXPECT_EQ(m.execute({0xff, 0x25, 0x00, 0x30, 0, 0}), Outcome::next()); // jmp [0x3000]
    EXPECT_EQ(m.cpu.eip, 0x2222u);
}

TEST(IntegerBranch, sixteen_bit_branches_cut_eip) {
    TestMachine m;
    m.code({0x66, 0xeb, 0x10}, 0x1'0000); // jmp short +16 with operand size 16
    EXPECT_EQ(m.step(), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x13u);
    m.code({0x74, 0x10}, 0x1'0000); // jz, not taken
    m.set_flags(0);
    EXPECT_EQ(m.step(), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x1'0002u);
}

TEST(IntegerBranch, a_target_beyond_the_limit_faults_at_the_branch) {
    TestMachine m;
    m.set_limit(SegmentName::cs, 0x1fff);
    m.enable_paging();
    m.unmap(0x7000);
    EXPECT_EQ(m.execute({0xe9, 0x00, 0x10, 0, 0}), Outcome::fault(Vector::gp, 0)); // jmp +0x1000
    EXPECT_EQ(m.cpu.eip, 0x1000u);
    EXPECT_EQ(m.execute({0xe8, 0x00, 0x10, 0, 0}), Outcome::fault(Vector::pf, 2)) << "the push comes first";
    m.reg(esp) = 0x9000;
    EXPECT_EQ(m.execute({0xe8, 0x00, 0x10, 0, 0}), Outcome::fault(Vector::gp, 0));
    EXPECT_EQ(m.reg(esp), 0x9000u);
    m.reg(esp) = top;
    EXPECT_EQ(m.cpu.eip, 0x1000u);
    EXPECT_EQ(m.reg(esp), top);
    m.poke<u32>(top, 0x2000);
    EXPECT_EQ(m.execute({0xc3}), Outcome::fault(Vector::gp, 0)); // ret
    EXPECT_EQ(m.reg(esp), top);
}

TEST(IntegerBranch, loops_count_cx_or_ecx_by_address_size) {
    TestMachine m;
    m.reg(ecx) = 0x1'0001;
    EXPECT_EQ(m.execute({0x67, 0xe2, 0x10}), Outcome::next()); // loop with cx
    EXPECT_EQ(m.cpu.eip, 0x1003u);
    EXPECT_EQ(m.reg(ecx), 0x1'0000u);
    EXPECT_EQ(m.execute({0x67, 0xe3, 0x10}), Outcome::next()); // jcxz
    EXPECT_EQ(m.cpu.eip, 0x1013u);
    EXPECT_EQ(m.execute({0xe3, 0x10}), Outcome::next()); // jecxz
    EXPECT_EQ(m.cpu.eip, 0x1002u);
    m.set_flags(0);
    EXPECT_EQ(m.execute({0xe1, 0xf0}), Outcome::next()); // loope
    EXPECT_EQ(m.cpu.eip, 0x1002u);
    EXPECT_EQ(m.reg(ecx), 0xffffu);
    EXPECT_EQ(m.execute({0xe0, 0xf0}), Outcome::next()); // loopne
    EXPECT_EQ(m.cpu.eip, 0xff2u);
}

TEST(IntegerBranch, a_faulting_loop_keeps_its_count) {
    TestMachine m;
    m.set_limit(SegmentName::cs, 0x1fff);
    m.reg(ecx) = 5;
    m.code({0xe2, 0x70}, 0x1fa0); // loop +0x70
    EXPECT_EQ(m.step(), Outcome::fault(Vector::gp, 0));
    EXPECT_EQ(m.reg(ecx), 5u);
}

} // namespace
