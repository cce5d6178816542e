#include "monitor/dispatcher/dispatcher.h"

#include "monitor/interpreter/test_machine.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

/// A real-mode machine whose interrupt vectors all lead to HLT; runs until it halts, or `services` have passed.
class DispatcherTest : public testing::Test, public Dispatcher::Host {
protected:
    static constexpr u32 handler = 0x4000;
    static constexpr u8 hlt = 0xf4;

    DispatcherTest() : machine{TestMode::real}, dispatcher{machine.v, *this} {
        for (u32 vector = 0; vector < 256; ++vector) machine.poke<u32>(vector * 4, handler);
        machine.poke<u8>(handler, hlt);
    }
    bool service() override { return --services > 0; }

    Dispatcher::Exit run(std::initializer_list<u8> code) {
        machine.code(code);
        return dispatcher.run();
    }
    /// What the handler's frame says: where the event came between two instructions.
    u16 pushed_ip() { return machine.peek<u16>(static_cast<u32>(machine.reg(esp))); }

    TestMachine machine;
    Dispatcher dispatcher;
    int services{1000};
};

constexpr u32 start = TestMachine::code_start;

TEST_F(DispatcherTest, runs_until_halt_and_counts_instructions) {
    EXPECT_EQ(run({0x40, 0x40, 0x43, hlt}), Dispatcher::Exit::halted); // inc ax, inc ax, inc bx
    EXPECT_EQ(machine.reg(eax), 2u);
    EXPECT_EQ(machine.cpu.eip, start + 4);
    EXPECT_EQ(dispatcher.counters().instructions, 4u);
}

TEST_F(DispatcherTest, an_endless_loop_comes_back_for_service) {
    services = 3;
    EXPECT_EQ(run({0xeb, 0xfe}), Dispatcher::Exit::stopped); // jmp $
    EXPECT_EQ(machine.cpu.eip, start);
}

TEST_F(DispatcherTest, an_interrupt_waits_for_if_and_for_the_shadow_of_sti) {
    machine.platform.pending = true;
    machine.set_flags(0);
    EXPECT_EQ(run({0x40, 0xfb, 0x40, 0x40, hlt}), Dispatcher::Exit::halted); // inc ax, sti, inc ax, inc ax
    EXPECT_EQ(pushed_ip(), start + 3) << "one instruction after STI is still safe";
    EXPECT_EQ(machine.reg(eax), 2u);
}

TEST_F(DispatcherTest, an_interrupt_wakes_a_halted_processor) {
    machine.set_flags(Eflags::IF::mask);
    EXPECT_EQ(run({hlt, 0x40, hlt}), Dispatcher::Exit::halted);
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted) << "nothing came";
    machine.platform.pending = true;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted);
    EXPECT_EQ(pushed_ip(), start + 1);
}

TEST_F(DispatcherTest, an_nmi_is_delivered_once_until_iret) {
    machine.cpu.nmi_pending = true;
    EXPECT_EQ(run({0x40, hlt}), Dispatcher::Exit::halted);
    EXPECT_EQ(pushed_ip(), start);
    EXPECT_TRUE(machine.cpu.nmi_blocked);
    machine.cpu.nmi_pending = true;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted) << "blocked while one is being served";
}

TEST_F(DispatcherTest, single_step_traps_after_the_instruction) {
    machine.set_flags(Eflags::TF::mask);
    EXPECT_EQ(run({0x40, 0x40, hlt}), Dispatcher::Exit::halted);
    EXPECT_EQ(pushed_ip(), start + 1);
    EXPECT_TRUE(machine.cpu.dr6.has<Dr6::BS>());
}

TEST_F(DispatcherTest, an_execute_breakpoint_comes_before_its_instruction) {
    machine.cpu.dr[0] = start + 1;
    machine.cpu.dr7 = Dr7::from_guest(2);
    EXPECT_EQ(run({0x40, 0x40, hlt}), Dispatcher::Exit::halted);
    EXPECT_EQ(pushed_ip(), start + 1);
    EXPECT_EQ(machine.reg(eax), 1u);
    EXPECT_EQ(machine.cpu.dr6.get<Dr6::B>(), 1u);
}

TEST_F(DispatcherTest, code_that_overwrites_the_next_instruction_runs_what_it_wrote) {
    // mov byte [start + 5], 43h (inc bx); inc ax
    EXPECT_EQ(run({0xc6, 0x06, 0x05, 0x10, 0x43, 0x40, hlt}), Dispatcher::Exit::halted);
    EXPECT_EQ(machine.reg(eax), 0u);
    EXPECT_EQ(machine.reg(ebx), 1u);
    EXPECT_EQ(dispatcher.cache().counters().invalidated_pages, 1u);
}

TEST_F(DispatcherTest, data_beside_code_does_not_drop_it) {
    // mov byte [start + 200h], 1
    EXPECT_EQ(run({0xc6, 0x06, 0x00, 0x12, 0x01, hlt}), Dispatcher::Exit::halted);
    EXPECT_EQ(machine.peek<u8>(start + 0x200), 1);
    EXPECT_EQ(dispatcher.cache().counters().invalidated_pages, 0u);
}

TEST_F(DispatcherTest, an_instruction_may_cross_a_page_border) {
    u8 const code[] = {0xb8, 0x34, 0x12, hlt}; // mov ax, 1234h
    for (u32 i = 0; i < sizeof code; ++i) machine.poke<u8>(0x1ffe + i, code[i]);
    machine.cpu.eip = 0x1ffe;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted);
    EXPECT_EQ(machine.reg(eax), 0x1234u);
    // A change on the second page alone must be seen.
    machine.memory.write({0x2000}, 0x56, 1);
    machine.cpu.halted = false;
    machine.cpu.eip = 0x1ffe;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted);
    EXPECT_EQ(machine.reg(eax), 0x5634u);
}

TEST_F(DispatcherTest, a_repeated_instruction_lets_interrupts_in_and_goes_on) {
    machine.set_flags(Eflags::IF::mask);
    machine.platform.pending = true;
    machine.cpu.interrupt_shadow = true; // the interrupt may come after the first visit only
    machine.reg(ecx) = 0xffff;
    machine.reg(edi) = 0x6000;
    EXPECT_EQ(run({0xf3, 0xaa, hlt}), Dispatcher::Exit::halted); // rep stosb
    EXPECT_EQ(pushed_ip(), start) << "it comes back to the same instruction";
    EXPECT_GT(machine.reg(ecx), 0u);
}

TEST_F(DispatcherTest, running_past_the_segment_s_end_is_a_general_protection_fault) {
    machine.set_limit(SegmentName::cs, start + 1);
    machine.poke<u32>(13 * 4, start); // #GP leads into the segment again
    EXPECT_EQ(run({hlt, 0xb8, 0x34, 0x12}), Dispatcher::Exit::halted);
    machine.cpu.halted = false;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted);
    EXPECT_EQ(pushed_ip(), start + 1) << "MOV AX needs three bytes, the segment has one";
}

TEST_F(DispatcherTest, code_goes_on_at_zero_behind_the_last_address) {
    machine.set_mode(TestMode::flat32);
    Segment& cs = machine.cpu.seg(SegmentName::cs);
    cs.base = 0x3000;
    cs.refresh();
    machine.code({0xb8, 0x78, 0x56, 0x34, 0x12, 0x90, hlt}, 0x2ffe); // mov eax, 12345678h; nop; hlt
    machine.cpu.eip = 0xffff'fffe;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted);
    EXPECT_EQ(machine.reg(eax), 0x1234'5678u);
    EXPECT_EQ(machine.cpu.eip, 5u);
}

TEST_F(DispatcherTest, an_instruction_may_end_with_the_last_address) {
    machine.set_mode(TestMode::flat32);
    Segment& cs = machine.cpu.seg(SegmentName::cs);
    cs.base = 0x3000;
    cs.refresh();
    machine.code({0x40, 0x40, hlt}, 0x2ffe); // inc eax, inc eax
    machine.cpu.eip = 0xffff'fffe;
    EXPECT_EQ(dispatcher.run(), Dispatcher::Exit::halted);
    EXPECT_EQ(machine.reg(eax), 2u);
    EXPECT_EQ(machine.cpu.eip, 1u);
}

TEST_F(DispatcherTest, a_triple_fault_shuts_down) {
    machine.cpu.idtr.limit = 0;
    EXPECT_EQ(run({0x0f, 0x0b}), Dispatcher::Exit::shutdown); // ud2
}

} // namespace
} // namespace ring3
