#include "monitor/interpreter/system_test_machine.h"

namespace ring3 {
namespace {

constexpr u8 interrupt_gate = 0x8e, trap_gate = 0x8f, task_gate = 0xe5, interrupt_gate16 = 0x86;

Outcome raise(SystemMachine& m, Vector vector, u32 error) {
    return m.v.deliver(static_cast<u8>(vector), EventKind::exception, true, error);
}
Outcome external(SystemMachine& m, u8 vector) {
    return m.v.deliver(vector, EventKind::external, false, 0);
}

TEST(SystemInterrupt, at_the_same_level_pushes_flags_cs_eip_and_error) {
    SystemMachine m;
    m.set_flags(0x4302); // NT, IF, TF
    m.cpu.eip = 0x1234;
    EXPECT_EQ(raise(m, Vector::gp, 0x50), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(13));
    EXPECT_EQ(m.reg(esp), 0x8000u - 16);
    EXPECT_EQ(m.stack(0), 0x50u);
    EXPECT_EQ(m.stack(1), 0x1234u);
    EXPECT_EQ(m.stack(2), sel::code0);
    EXPECT_EQ(m.stack(3), 0x4302u | u32{Eflags::RF::mask}) << "faults push RF = 1";
    EXPECT_EQ(m.flags(), 2u) << "an interrupt gate clears IF, TF, NT, RF";
}

TEST(SystemInterrupt, a_trap_gate_leaves_if_alone) {
    SystemMachine m;
    m.set_gate(32, trap_gate);
    m.set_flags(0x202);
    EXPECT_EQ(external(m, 32), Outcome::next());
    EXPECT_EQ(m.flags(), 0x202u);
    EXPECT_EQ(m.stack(2), 0x202u) << "external interrupts push RF as it is";
}

TEST(SystemInterrupt, from_user_mode_switches_to_the_stack_of_the_tss) {
    SystemMachine m;
    m.enter_user();
    m.cpu.eip = 0x5678;
    EXPECT_EQ(external(m, 40), Outcome::next());
    EXPECT_EQ(m.cpu.cpl, 0);
    EXPECT_EQ(m.selector(SegmentName::cs), sel::code0);
    EXPECT_EQ(m.selector(SegmentName::ss), sel::data0);
    EXPECT_EQ(m.reg(esp), SystemMachine::kernel_stack - 20);
    EXPECT_EQ(m.stack(0), 0x5678u);
    EXPECT_EQ(m.stack(1), sel::code3);
    EXPECT_EQ(m.stack(3), SystemMachine::user_stack);
    EXPECT_EQ(m.stack(4), sel::data3);
}

TEST(SystemInterrupt, a_16_bit_gate_pushes_words) {
    SystemMachine m;
    m.poke<u64>(SystemMachine::idt + 33 * 8, SystemMachine::gate(sel::code0, 0x1'2345, interrupt_gate16));
    m.cpu.eip = 0x1'5678;
    EXPECT_EQ(external(m, 33), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x2345u);
    EXPECT_EQ(m.reg(esp), 0x8000u - 6);
    EXPECT_EQ(m.stack16(0), 0x5678u);
}

TEST(SystemInterrupt, int_n_checks_the_gates_dpl_and_pushes_the_next_eip) {
    SystemMachine m;
    m.set_gate(0x21, interrupt_gate);
    m.enter_user();
    EXPECT_EQ(m.execute({0xcd, 0x21}), Outcome::leave()) << "the #GP has been delivered";
    EXPECT_EQ(m.cpu.eip, m.handler(13));
    EXPECT_EQ(m.stack(0), 0x21u * 8 + 2) << "IDT, not EXT";
    EXPECT_EQ(m.stack(1), SystemMachine::code_start) << "the faulting INT itself";

    m.enter_user();
    EXPECT_EQ(m.execute({0xcd, 0x80}), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, m.handler(0x80));
    EXPECT_EQ(m.stack(0), SystemMachine::code_start + 2);
}

TEST(SystemInterrupt, int1_ignores_the_gates_dpl) {
    SystemMachine m;
    m.set_gate(1, interrupt_gate);
    m.enter_user();
    EXPECT_EQ(m.execute({0xf1}), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, m.handler(1));
    EXPECT_EQ(m.stack(0), SystemMachine::code_start + 1);
}

TEST(SystemInterrupt, gate_errors_carry_idt_and_ext) {
    SystemMachine m;
    m.set_gate(50, 0x6e); // not present
    EXPECT_EQ(external(m, 50), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(11));
    EXPECT_EQ(m.stack(0), 50u * 8 + 3);
    m.set_gate(51, 0x92); // not a gate
    EXPECT_EQ(external(m, 51), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(13));
    EXPECT_EQ(m.stack(0), 51u * 8 + 3);
    m.set_gate(52, interrupt_gate, sel::absent_code);
    EXPECT_EQ(external(m, 52), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(11));
    EXPECT_EQ(m.stack(0), sel::absent_code | 1u);
    m.set_gate(53, interrupt_gate, 0);
    EXPECT_EQ(external(m, 53), Outcome::next());
    EXPECT_EQ(m.stack(0), 1u) << "a null selector: EXT alone";
    m.set_gate(54, interrupt_gate, sel::code3);
    EXPECT_EQ(external(m, 54), Outcome::next());
    EXPECT_EQ(m.stack(0), (sel::code3 & 0xfffcu) | 1u) << "never to a less privileged level";
}

TEST(SystemInterrupt, bad_inner_stacks_are_invalid_tss_faults) {
    SystemMachine m;
    m.set_gate(10, task_gate, sel::other_tss); // #TS must not need the stack that is broken
    m.prepare_other_task(0x4000);
    m.poke<u16>(SystemMachine::tss + 8, sel::data3);
    m.enter_user();
    EXPECT_EQ(external(m, 40), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x4000u);
    EXPECT_EQ(m.stack(0), (sel::data3 & 0xfffcu) | 1u);
}

TEST(SystemInterrupt, a_contributory_fault_during_one_is_a_double_fault) {
    SystemMachine m;
    m.set_gate(13, 0x6e); // #GP's own gate is absent: #NP during #GP
    EXPECT_EQ(raise(m, Vector::gp, 0), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(8));
    EXPECT_EQ(m.stack(0), 0u);
    EXPECT_EQ(m.stack(1), SystemMachine::code_start);
}

TEST(SystemInterrupt, a_fault_during_a_benign_event_is_delivered_in_its_place) {
    SystemMachine m;
    m.set_gate(6, 0x6e);
    EXPECT_EQ(m.v.deliver_fault(ud()), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(11));
    EXPECT_EQ(m.stack(0), 6u * 8 + 3);
}

TEST(SystemInterrupt, a_fault_during_a_double_fault_shuts_down) {
    SystemMachine m;
    m.set_gate(13, 0x6e);
    m.set_gate(8, 0x6e);
    EXPECT_EQ(raise(m, Vector::gp, 0), Outcome::shutdown());
    SystemMachine empty;
    empty.cpu.idtr.limit = 0;
    EXPECT_EQ(external(empty, 32), Outcome::shutdown());
}

TEST(SystemInterrupt, a_page_fault_after_a_contributory_one_is_served_first) {
    SystemMachine m;
    m.enable_paging();
    m.enter_user();
    m.unmap(SystemMachine::kernel_stack - 0x1000);
    m.set_gate(14, task_gate, sel::other_tss);
    m.prepare_other_task(0x4000);
    m.poke<u32>(SystemMachine::other_tss + Tss32::cr3, static_cast<u32>(m.cpu.cr3.raw));
    EXPECT_EQ(raise(m, Vector::gp, 0), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x4000u);
    EXPECT_EQ(m.cpu.cr2 & ~0xfffu, SystemMachine::kernel_stack - 0x1000);
    EXPECT_EQ(m.stack(0), 2u) << "a supervisor's write; page faults have no EXT";
}

TEST(SystemInterrupt, a_page_fault_during_a_page_fault_is_a_double_fault) {
    SystemMachine m;
    m.enable_paging();
    m.enter_user();
    m.unmap(SystemMachine::kernel_stack - 0x1000);
    m.set_gate(8, task_gate, sel::other_tss);
    m.prepare_other_task(0x4000);
    m.poke<u32>(SystemMachine::other_tss + Tss32::cr3, static_cast<u32>(m.cpu.cr3.raw));
    EXPECT_EQ(raise(m, Vector::pf, 4), Outcome::next());
    EXPECT_EQ(m.cpu.eip, 0x4000u);
    EXPECT_EQ(m.stack(0), 0u);
}

TEST(SystemInterrupt, an_alignment_check_that_cannot_be_delivered_ends_in_shutdown_not_in_a_loop) {
    SystemMachine m;
    m.enter_user();
    m.reg(esp) = SystemMachine::user_stack + 1;
    m.set_gate(17, interrupt_gate, sel::conforming); // a handler at level 3, on the same crooked stack
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::AM>(1);
    m.cpu.eflags = m.cpu.eflags.with<Eflags::AC>(1);
    m.v.update_mode();
    EXPECT_EQ(m.v.deliver_fault(Outcome::fault(Vector::ac, 0)), Outcome::shutdown());
}

TEST(SystemInterrupt, debug_exceptions_fill_dr6_and_release_general_detect) {
    SystemMachine m;
    m.cpu.dr7 = m.cpu.dr7.with<Dr7::GD>(1);
    EXPECT_EQ(m.execute({0x0f, 0x21, 0xc0}), Outcome::fault(Vector::db)); // mov eax, dr0
    EXPECT_EQ(m.v.deliver_fault(Outcome::fault(Vector::db)), Outcome::next());
    EXPECT_TRUE(m.cpu.dr6.has<Dr6::BD>());
    EXPECT_FALSE(m.cpu.dr7.has<Dr7::GD>());
    EXPECT_EQ(m.stack(0), SystemMachine::code_start);
}

// ---- real-address mode ----

TEST(SystemInterrupt, real_mode_goes_through_the_vector_table) {
    SystemMachine m;
    m.set_mode(TestMode::real);
    m.cpu.idtr = {0, 0x3ff};
    m.poke<u32>(0x21 * 4, 0x1000'0020);
    m.set_flags(0x302);
    EXPECT_EQ(m.execute({0xcd, 0x21}), Outcome::leave());
    EXPECT_EQ(m.selector(SegmentName::cs), 0x1000);
    EXPECT_EQ(m.cpu.eip, 0x20u);
    EXPECT_EQ(m.stack16(0), SystemMachine::code_start + 2);
    EXPECT_EQ(m.stack16(2), 0x302);
    EXPECT_EQ(m.flags(), 2u);
    m.poke<u8>(0x1'0020, 0xcf);
    EXPECT_EQ(m.step(), Outcome::leave()); // iret
    EXPECT_EQ(m.cpu.eip, SystemMachine::code_start + 2);
    EXPECT_EQ(m.flags(), 0x302u);
    m.cpu.idtr.limit = 0x21 * 4 + 2;
    EXPECT_EQ(m.execute({0xcd, 0x21}), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, 0u) << "#GP, through the vector at 34H";
}

// ---- virtual-8086 mode ----

TEST(SystemInterrupt, from_v86_pushes_and_clears_the_data_segments_and_iret_brings_them_back) {
    SystemMachine m;
    m.enter_v86(3);
    m.cpu.seg(SegmentName::ds) = Segment::virtual8086(0x1111);
    m.cpu.seg(SegmentName::gs) = Segment::virtual8086(0x2222);
    EXPECT_EQ(external(m, 32), Outcome::next());
    EXPECT_FALSE(m.cpu.virtual8086());
    EXPECT_EQ(m.cpu.cpl, 0);
    EXPECT_EQ(m.reg(esp), SystemMachine::kernel_stack - 36);
    EXPECT_EQ(m.stack(6), 0x1111u);
    EXPECT_EQ(m.stack(8), 0x2222u);
    EXPECT_FALSE(m.usable(SegmentName::ds));
    EXPECT_FALSE(m.usable(SegmentName::gs));
    m.code({0xcf}, 0x1'5000);
    EXPECT_EQ(m.step(), Outcome::leave()); // iret
    EXPECT_TRUE(m.cpu.virtual8086());
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.cpu.eip, SystemMachine::code_start);
    EXPECT_EQ(m.cpu.seg(SegmentName::ds).base, 0x11110u);
}

TEST(SystemInterrupt, below_iopl_3_v86_may_not_use_int_cli_pushf_iret) {
    SystemMachine m;
    m.enter_v86(0);
    EXPECT_EQ(m.execute({0xcd, 0x10}), gp(0));
    EXPECT_EQ(m.execute({0xfa}), gp(0));
    EXPECT_EQ(m.execute({0x9c}), gp(0));
    EXPECT_EQ(m.execute({0x9d}), gp(0));
    EXPECT_EQ(m.execute({0xcf}), gp(0));
    EXPECT_EQ(m.execute({0xf4}), gp(0));
    EXPECT_EQ(m.execute({0xcc}), Outcome::leave()) << "INT3 is not sensitive to IOPL";
}

TEST(SystemInterrupt, v86_handlers_must_run_at_level_0) {
    SystemMachine m;
    m.enter_v86(3);
    m.set_gate(32, interrupt_gate, sel::conforming);
    EXPECT_EQ(external(m, 32), Outcome::next());
    EXPECT_EQ(m.cpu.eip, m.handler(13));
    EXPECT_EQ(m.stack(0), sel::conforming | 1u);
}

TEST(SystemInterrupt, vme_gives_the_program_vif_and_its_own_handlers) {
    SystemMachine m;
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::VME>(1);
    m.poke<u16>(SystemMachine::tss + Tss32::io_map, 0x68 + 32); // map of zeroes: all redirected
    m.poke<u32>(0x10 * 4, 0x0300'0040);
    m.enter_v86(0);
    EXPECT_EQ(m.execute({0xfb}), Outcome::next()); // sti
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::VIF>());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::IF>());
    EXPECT_EQ(m.execute({0xcd, 0x10}), Outcome::leave());
    EXPECT_TRUE(m.cpu.virtual8086());
    EXPECT_EQ(m.selector(SegmentName::cs), 0x300);
    EXPECT_EQ(m.cpu.eip, 0x40u);
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::VIF>());
    EXPECT_EQ(m.stack16(2), 0x3202) << "IF shows VIF, IOPL shows 3";
    m.poke<u8>(0x3040, 0xcf);
    EXPECT_EQ(m.step(), Outcome::leave());
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::VIF>());
    m.cpu.eflags = m.cpu.eflags.with<Eflags::VIP>(1).with<Eflags::VIF>(0);
    EXPECT_EQ(m.execute({0xfb}), gp(0)) << "STI with an interrupt pending";
}

TEST(SystemInterrupt, the_redirection_map_can_send_single_vectors_to_the_monitor) {
    SystemMachine m;
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::VME>(1);
    m.poke<u16>(SystemMachine::tss + Tss32::io_map, 0x68 + 32);
    m.poke<u8>(SystemMachine::tss + 0x68 + 2, 1); // vector 10H
    m.enter_v86(0);
    EXPECT_EQ(m.execute({0xcd, 0x10}), gp(0));
    m.enter_v86(3);
    EXPECT_EQ(m.execute({0xcd, 0x10}), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, m.handler(0x10));
}

} // namespace
} // namespace ring3
