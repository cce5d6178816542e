#include "monitor/interpreter/system_test_machine.h"

namespace ring3 {
namespace {

std::initializer_list<u8> const iretd{0xcf};

/// JMP (EAH) or CALL (9AH) selector:1000H.
Outcome transfer(SystemMachine& m, u8 opcode, u16 selector) {
    return m.execute({opcode, 0x00, 0x20, 0, 0, u8(selector & 0xff), u8(selector >> 8)});
}
constexpr u8 jmp_far = 0xea, call_far = 0x9a;

TEST(SystemTransfer, jump_checks_type_privilege_and_presence) {
    SystemMachine m;
    EXPECT_EQ(transfer(m, jmp_far, 0), gp(0));
    EXPECT_EQ(transfer(m, jmp_far, sel::beyond), gp(sel::beyond));
    EXPECT_EQ(transfer(m, jmp_far, sel::data0), gp(sel::data0));
    EXPECT_EQ(transfer(m, jmp_far, sel::code3), gp(sel::code3 & 0xfffc));
    EXPECT_EQ(transfer(m, jmp_far, sel::code0 | 3), gp(sel::code0)) << "RPL beyond CPL";
    EXPECT_EQ(transfer(m, jmp_far, sel::absent_code), np(sel::absent_code));
    EXPECT_EQ(transfer(m, jmp_far, sel::code0), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, 0x2000u);
    EXPECT_EQ(transfer(m, jmp_far, sel::ldt), gp(sel::ldt));
    EXPECT_EQ(transfer(m, jmp_far, sel::tss), gp(sel::tss)) << "busy";
}

TEST(SystemTransfer, conforming_code_runs_at_the_callers_level) {
    SystemMachine m;
    m.enter_user();
    EXPECT_EQ(transfer(m, call_far, sel::conforming), Outcome::leave());
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.selector(SegmentName::cs), sel::conforming | 3);
    EXPECT_EQ(m.stack(0), SystemMachine::code_start + 7);
    EXPECT_EQ(m.stack(1), sel::code3);
}

TEST(SystemTransfer, a_target_past_the_limit_is_refused_before_anything_is_pushed) {
    SystemMachine m;
    m.set_descriptor(sel::code16, SystemMachine::descriptor(0, 0x1fff, 0x9b, 0));
    EXPECT_EQ(transfer(m, call_far, sel::code16), gp(0));
    EXPECT_EQ(m.reg(esp), 0x8000u);
}

TEST(SystemTransfer, a_call_gate_raises_privilege_and_copies_parameters) {
    SystemMachine m;
    m.set_descriptor(sel::call_gate, SystemMachine::gate(sel::code0, 0x3000, 0xec, 2));
    m.enter_user();
    m.poke<u32>(SystemMachine::user_stack, 0x1111);
    m.poke<u32>(SystemMachine::user_stack + 4, 0x2222);
    EXPECT_EQ(transfer(m, call_far, sel::call_gate), Outcome::leave());
    EXPECT_EQ(m.cpu.cpl, 0);
    EXPECT_EQ(m.cpu.eip, 0x3000u);
    EXPECT_EQ(m.reg(esp), SystemMachine::kernel_stack - 24);
    u32 const expected[] = {SystemMachine::code_start + 7, sel::code3, 0x1111, 0x2222,
                            SystemMachine::user_stack,     sel::data3};
    for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(m.stack(i), expected[i]) << i;

    EXPECT_EQ(m.execute({0xca, 8, 0}), Outcome::leave()); // retf 8
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.cpu.eip, SystemMachine::code_start + 7);
    EXPECT_EQ(m.reg(esp), SystemMachine::user_stack + 8) << "both stacks lose the parameters";
    EXPECT_EQ(m.selector(SegmentName::ss), sel::data3);
}

TEST(SystemTransfer, gates_are_guarded_by_their_own_privilege) {
    SystemMachine m;
    m.set_descriptor(sel::call_gate, SystemMachine::gate(sel::code0, 0x3000, 0x8c));
    m.enter_user();
    EXPECT_EQ(transfer(m, call_far, sel::call_gate), gp(sel::call_gate & 0xfffc));
    m.set_descriptor(sel::call_gate, SystemMachine::gate(sel::code0, 0x3000, 0x6c));
    EXPECT_EQ(transfer(m, call_far, sel::call_gate), np(sel::call_gate & 0xfffc));
    m.set_descriptor(sel::call_gate, SystemMachine::gate(sel::code0, 0x3000, 0xec));
    EXPECT_EQ(transfer(m, jmp_far, sel::call_gate), gp(sel::code0)) << "JMP may not change levels";
    m.poke<u16>(SystemMachine::tss + 8, sel::data3);
    EXPECT_EQ(transfer(m, call_far, sel::call_gate), ts(sel::data3 & 0xfffc));
    m.poke<u16>(SystemMachine::tss + 8, sel::absent);
    EXPECT_EQ(transfer(m, call_far, sel::call_gate), ss_fault(sel::absent));
}

TEST(SystemTransfer, returns_never_go_to_an_inner_level) {
    SystemMachine m;
    m.enter_user();
    m.poke<u32>(SystemMachine::user_stack, 0x3000);
    m.poke<u32>(SystemMachine::user_stack + 4, sel::code0);
    EXPECT_EQ(m.execute({0xcb}), gp(sel::code0));
    m.poke<u32>(SystemMachine::user_stack + 4, 0);
    EXPECT_EQ(m.execute({0xcb}), gp(0));
    EXPECT_EQ(m.reg(esp), SystemMachine::user_stack);
}

void push_iret_frame(SystemMachine& m, u32 eip, u32 cs, u32 flags, u32 outer_esp = 0, u32 outer_ss = 0) {
    u32 const frame[] = {eip, cs, flags, outer_esp, outer_ss};
    m.reg(esp) = 0x7000;
    for (u32 i = 0; i < 5; ++i) m.poke<u32>(0x7000 + 4 * i, frame[i]);
}

TEST(SystemTransfer, iret_to_user_mode_loads_the_stack_and_drops_kernel_segments) {
    SystemMachine m;
    m.cpu.seg(SegmentName::fs) = m.segment(sel::data3);
    push_iret_frame(m, 0x4000, sel::code3, 0x3202, SystemMachine::user_stack, sel::data3);
    EXPECT_EQ(m.execute(iretd), Outcome::leave());
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.cpu.eip, 0x4000u);
    EXPECT_EQ(m.reg(esp), SystemMachine::user_stack);
    EXPECT_EQ(m.flags(), 0x3202u);
    EXPECT_FALSE(m.usable(SegmentName::ds));
    EXPECT_EQ(m.selector(SegmentName::ds), 0);
    EXPECT_TRUE(m.usable(SegmentName::fs));
}

TEST(SystemTransfer, iret_checks_the_outer_stack) {
    SystemMachine m;
    push_iret_frame(m, 0x4000, sel::code3, 2, 0, 0);
    EXPECT_EQ(m.execute(iretd), gp(0));
    push_iret_frame(m, 0x4000, sel::code3, 2, 0, sel::data0);
    EXPECT_EQ(m.execute(iretd), gp(sel::data0));
    push_iret_frame(m, 0x4000, sel::code3, 2, 0, sel::beyond | 3);
    EXPECT_EQ(m.execute(iretd), gp(sel::beyond));
    EXPECT_EQ(m.cpu.cpl, 0);
    EXPECT_EQ(m.selector(SegmentName::cs), sel::code0);
}

TEST(SystemTransfer, iret_lets_user_mode_change_neither_iopl_nor_if) {
    SystemMachine m;
    m.enter_user();
    m.set_flags(0x202);
    m.poke<u32>(SystemMachine::user_stack, 0x4000);
    m.poke<u32>(SystemMachine::user_stack + 4, sel::code3);
    m.poke<u32>(SystemMachine::user_stack + 8, 0x3001 | u32{Eflags::VM::mask});
    EXPECT_EQ(m.execute(iretd), Outcome::leave());
    EXPECT_EQ(m.flags(), 0x203u) << "CF came in; IF, IOPL and VM stayed";
}

TEST(SystemTransfer, iret_ends_nmi_blocking_even_when_it_faults) {
    SystemMachine m;
    m.cpu.nmi_blocked = true;
    push_iret_frame(m, 0x4000, 0, 2);
    EXPECT_EQ(m.execute(iretd), gp(0));
    EXPECT_FALSE(m.cpu.nmi_blocked);
}

TEST(SystemTransfer, a_16_bit_outer_stack_keeps_the_upper_half_of_esp) {
    SystemMachine m;
    m.set_descriptor(sel::data16, SystemMachine::descriptor(0, 0xffff, 0xf3, 0));
    push_iret_frame(m, 0x4000, sel::code3, 2, 0x1234'5678, sel::data16 | 3);
    m.reg(esp) = 0x7000;
    EXPECT_EQ(m.execute(iretd), Outcome::leave());
    EXPECT_EQ(m.reg(esp) & 0xffff, 0x5678u);
    EXPECT_EQ(m.reg(esp) >> 16, 0u) << "as the kernel left it";
}

TEST(SystemTransfer, sysenter_and_sysexit_load_flat_segments) {
    SystemMachine m;
    m.enter_user();
    m.set_flags(0x202);
    EXPECT_EQ(m.execute({0x0f, 0x34}), gp(0)) << "IA32_SYSENTER_CS is null";
    m.cpu.sysenter_cs = 0x60;
    m.cpu.sysenter_esp = 0x6000;
    m.cpu.sysenter_eip = 0x7777;
    EXPECT_EQ(m.execute({0x0f, 0x34}), Outcome::leave());
    EXPECT_EQ(m.cpu.cpl, 0);
    EXPECT_EQ(m.cpu.eip, 0x7777u);
    EXPECT_EQ(m.reg(esp), 0x6000u);
    EXPECT_EQ(m.selector(SegmentName::cs), 0x60);
    EXPECT_EQ(m.selector(SegmentName::ss), 0x68);
    EXPECT_EQ(m.flags(), 2u);
    m.reg(ecx) = 0xa000;
    m.reg(edx) = 0x4444;
    EXPECT_EQ(m.execute({0x0f, 0x35}), Outcome::leave());
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.selector(SegmentName::cs), 0x73);
    EXPECT_EQ(m.selector(SegmentName::ss), 0x7b);
    EXPECT_EQ(m.cpu.eip, 0x4444u);
    EXPECT_EQ(m.execute({0x0f, 0x35}), gp(0));
}

} // namespace
} // namespace ring3
