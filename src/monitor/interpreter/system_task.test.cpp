#include "monitor/interpreter/system_test_machine.h"

namespace ring3 {
namespace {

constexpr u32 entry = 0x4000;

struct TaskMachine : SystemMachine {
    TaskMachine() { prepare_other_task(entry); }
    Outcome jump(u16 selector) { return execute({0xea, 0, 0, 0, 0, u8(selector & 0xff), u8(selector >> 8)}); }
    Outcome call(u16 selector) { return execute({0x9a, 0, 0, 0, 0, u8(selector & 0xff), u8(selector >> 8)}); }
    u8 access(u16 selector) const { return peek<u8>(gdt + selector + 5); }
    void set_other(u32 offset, u16 value) { poke<u16>(other_tss + offset, value); }
    static constexpr u32 segment_field(SegmentName name) { return Tss32::segments + 4 * static_cast<u32>(name); }
};

TEST(SystemTask, a_jump_saves_the_old_task_and_loads_the_new_one) {
    TaskMachine m;
    m.reg(ebx) = 0x1234'5678;
    m.poke<u32>(TaskMachine::other_tss + Tss32::gpr + 4 * ecx, 0x99);
    EXPECT_EQ(m.jump(sel::other_tss), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, entry);
    EXPECT_EQ(m.reg(ecx), 0x99u);
    EXPECT_EQ(m.reg(esp), TaskMachine::other_stack);
    EXPECT_EQ(m.selector(SegmentName::tr), sel::other_tss);
    EXPECT_TRUE(m.cpu.cr0.has<Cr0::TS>());
    EXPECT_FALSE(m.cpu.eflags.has<Eflags::NT>());
    EXPECT_EQ(m.peek<u32>(TaskMachine::tss + Tss32::eip), TaskMachine::code_start + 7);
    EXPECT_EQ(m.peek<u32>(TaskMachine::tss + Tss32::gpr + 4 * ebx), 0x1234'5678u);
    EXPECT_EQ(m.access(sel::tss), 0x89) << "no longer busy";
    EXPECT_EQ(m.access(sel::other_tss), 0x8b);
}

TEST(SystemTask, a_call_links_back_and_iret_returns) {
    TaskMachine m;
    EXPECT_EQ(m.call(sel::task_gate), Outcome::leave());
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::NT>());
    EXPECT_EQ(m.peek<u16>(TaskMachine::other_tss), sel::tss);
    EXPECT_EQ(m.access(sel::tss), 0x8b) << "the caller stays busy";
    m.code({0xcf}, entry);
    EXPECT_EQ(m.step(), Outcome::leave());
    EXPECT_EQ(m.selector(SegmentName::tr), sel::tss);
    EXPECT_EQ(m.cpu.eip, TaskMachine::code_start + 7);
    EXPECT_EQ(m.access(sel::other_tss), 0x89);
    EXPECT_EQ(m.peek<u32>(TaskMachine::other_tss + Tss32::eip), entry + 1);
    EXPECT_EQ(m.peek<u32>(TaskMachine::other_tss + Tss32::eflags) & u32{Eflags::NT::mask}, 0u);
}

TEST(SystemTask, faults_before_the_switch_belong_to_the_old_task) {
    TaskMachine m;
    m.set_descriptor(sel::other_tss, TaskMachine::descriptor(TaskMachine::other_tss, 0x66, 0x89, 0));
    EXPECT_EQ(m.jump(sel::other_tss), ts(sel::other_tss)) << "one byte too short";
    m.set_descriptor(sel::other_tss, TaskMachine::descriptor(TaskMachine::other_tss, 0x67, 0x09, 0));
    EXPECT_EQ(m.jump(sel::other_tss), np(sel::other_tss));
    EXPECT_EQ(m.selector(SegmentName::tr), sel::tss);
    EXPECT_EQ(m.cpu.eip, TaskMachine::code_start);
    m.set_descriptor(sel::task_gate, TaskMachine::gate(sel::other_tss | 4, 0, 0xe5));
    EXPECT_EQ(m.jump(sel::task_gate), gp(sel::other_tss | 4));
    m.enter_user();
    EXPECT_EQ(m.jump(sel::other_tss), gp(sel::other_tss));
}

TEST(SystemTask, faults_after_the_switch_belong_to_the_new_task) {
    auto const check = [](SegmentName name, u16 selector, Outcome expected) {
        TaskMachine m;
        m.set_other(TaskMachine::segment_field(name), selector);
        EXPECT_EQ(m.jump(sel::other_tss), expected);
        EXPECT_EQ(m.cpu.eip, entry);
        EXPECT_EQ(m.selector(SegmentName::tr), sel::other_tss);
    };
    check(SegmentName::cs, 0, ts(0));
    check(SegmentName::cs, sel::data0, ts(sel::data0));
    check(SegmentName::cs, sel::absent_code, np(sel::absent_code));
    check(SegmentName::ss, 0, ts(0));
    check(SegmentName::ss, sel::read_only, ts(sel::read_only));
    check(SegmentName::ss, sel::absent, ss_fault(sel::absent));
    check(SegmentName::ds, sel::beyond, ts(sel::beyond));
    check(SegmentName::es, sel::absent, np(sel::absent));
    TaskMachine m;
    m.set_other(Tss32::ldt, sel::data0);
    EXPECT_EQ(m.jump(sel::other_tss), ts(sel::data0));
}

TEST(SystemTask, an_interrupt_through_a_task_gate_pushes_the_error_on_the_new_stack) {
    TaskMachine m;
    m.set_gate(13, 0xe5, sel::other_tss);
    m.cpu.eip = 0x1234;
    EXPECT_EQ(m.v.deliver_fault(gp(0x48)), Outcome::next());
    EXPECT_EQ(m.cpu.eip, entry);
    EXPECT_EQ(m.reg(esp), TaskMachine::other_stack - 4);
    EXPECT_EQ(m.stack(0), 0x48u);
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::NT>());
    EXPECT_EQ(m.peek<u32>(TaskMachine::tss + Tss32::eip), 0x1234u);
    EXPECT_TRUE(m.peek<u32>(TaskMachine::tss + Tss32::eflags) & u32{Eflags::RF::mask});
}

TEST(SystemTask, the_trap_bit_leaves_a_debug_trap_pending) {
    TaskMachine m;
    m.set_other(Tss32::trap, 1);
    m.cpu.dr7 = Dr7::from_guest(0x3ff);
    EXPECT_EQ(m.jump(sel::other_tss), Outcome::leave());
    EXPECT_EQ(m.cpu.pending_debug, u32{Dr6::BT::mask});
    EXPECT_EQ(m.cpu.dr7.raw, 0x6aau | 0x400) << "local breakpoints end with their task";
}

TEST(SystemTask, a_16_bit_tss_holds_words) {
    TaskMachine m;
    m.poke<u16>(TaskMachine::other_tss + Tss16::ip, entry);
    m.poke<u16>(TaskMachine::other_tss + Tss16::flags, 2);
    for (u32 i = 0; i < 8; ++i) m.poke<u16>(TaskMachine::other_tss + Tss16::gpr + 2 * i, static_cast<u16>(0x100 + i));
    u16 const segments[] = {sel::data0, sel::code0, sel::data0, sel::data0};
    for (u32 i = 0; i < 4; ++i) m.poke<u16>(TaskMachine::other_tss + Tss16::segments + 2 * i, segments[i]);
    m.poke<u16>(TaskMachine::other_tss + Tss16::ldt, 0);
    m.reg(edi) = 0xffff'ffff;
    EXPECT_EQ(m.call(sel::tss16), Outcome::leave());
    EXPECT_EQ(m.cpu.eip, entry);
    EXPECT_EQ(m.reg(edi), 0x107u);
    EXPECT_FALSE(m.usable(SegmentName::fs));
    m.code({0xcf}, entry);
    EXPECT_EQ(m.step(), Outcome::leave());
    EXPECT_EQ(m.reg(edi), 0xffff'ffffu);
    EXPECT_EQ(m.peek<u16>(TaskMachine::other_tss + Tss16::ip), entry + 1);
}

TEST(SystemTask, a_task_may_be_a_virtual_8086_one) {
    TaskMachine m;
    m.poke<u32>(TaskMachine::other_tss + Tss32::eflags, 2 | u32{Eflags::VM::mask});
    m.set_other(TaskMachine::segment_field(SegmentName::cs), 0x1234);
    EXPECT_EQ(m.jump(sel::other_tss), Outcome::leave());
    EXPECT_TRUE(m.cpu.virtual8086());
    EXPECT_EQ(m.cpu.cpl, 3);
    EXPECT_EQ(m.cpu.seg(SegmentName::cs).base, 0x12340u);
}

TEST(SystemTask, iret_checks_the_link) {
    TaskMachine m;
    m.cpu.eflags = m.cpu.eflags.with<Eflags::NT>(1);
    m.poke<u16>(TaskMachine::tss, sel::other_tss);
    EXPECT_EQ(m.execute({0xcf}), ts(sel::other_tss)) << "not busy";
    m.poke<u16>(TaskMachine::tss, sel::other_tss | 4);
    EXPECT_EQ(m.execute({0xcf}), ts(sel::other_tss | 4));
    m.poke<u16>(TaskMachine::tss, sel::beyond);
    EXPECT_EQ(m.execute({0xcf}), ts(sel::beyond));
}

TEST(SystemTask, the_directory_changes_with_the_task) {
    TaskMachine m;
    m.enable_paging();
    m.poke<u32>(TaskMachine::other_tss + Tss32::cr3, static_cast<u32>(m.cpu.cr3.raw) | u32{Cr3::PCD::mask});
    EXPECT_EQ(m.jump(sel::other_tss), Outcome::leave());
    EXPECT_TRUE((m.cpu.cr3.raw & Cr3::PCD::mask) != 0);
    EXPECT_EQ(m.peek<u32>(TaskMachine::tss + Tss32::cr3), 0u) << "CR3 is not saved";
}

} // namespace
} // namespace ring3
