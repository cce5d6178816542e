#include "host/isa_probe.h"

#include <csignal>
#include <gtest/gtest.h>
#include <vector>

namespace ring3::host {
namespace {

using End = ProbeOutcome::End;

class IsaProbeTest : public ::testing::Test {
protected:
    ProbeOutcome run(std::initializer_list<u8> code, ProbeRegisters const& start = {}) {
        auto const outcome = probe.run(std::vector<u8>{code}, start);
        EXPECT_TRUE(outcome) << outcome.error().message;
        return outcome.value_or(ProbeOutcome{});
    }
    IsaProbe probe = *IsaProbe::create();
};

TEST_F(IsaProbeTest, an_instruction_runs_as_ia32_code) {
    // INC EAX by its one-byte form, which is a REX prefix in 64-bit code.
    auto const outcome = run({0x40}, {.gpr = {41, 1, 2, 3, 0, 5, 6, 7}});
    ASSERT_EQ(outcome.end, End::ran);
    EXPECT_EQ(outcome.registers.gpr, (std::array<u32, 8>{42, 1, 2, 3, probe.stack_address(), 5, 6, 7}));
}

TEST_F(IsaProbeTest, flags_go_in_and_come_out) {
    constexpr u32 carry = 1;
    EXPECT_EQ(run({0xf5}, {.eflags = 0x202}).registers.eflags & carry, carry); // CMC
    EXPECT_EQ(run({0xf5}, {.eflags = 0x203}).registers.eflags & carry, 0u);
}

TEST_F(IsaProbeTest, what_is_pushed_and_stored_can_be_seen) {
    auto const pushed = run({0x50}, {.gpr = {0x1234'5678}}); // PUSH EAX
    EXPECT_EQ(probe.stack_word(pushed.registers.gpr[4]), 0x1234'5678u);
    ProbeRegisters start{.gpr = {0xab}};
    start.gpr[7] = probe.data_address();
    EXPECT_EQ(run({0x88, 0x07}, start).end, End::ran); // MOV [EDI], AL
    EXPECT_EQ(probe.data()[0], 0xab);
    probe.clear();
    EXPECT_EQ(probe.data()[0], 0);
}

TEST_F(IsaProbeTest, privileged_instructions_trap_with_their_exception) {
    for (u8 const opcode : std::initializer_list<u8>{0xf4, 0xfa, 0xfb, 0xec}) { // HLT, CLI, STI, IN AL, DX
        auto const outcome = run({opcode});
        EXPECT_EQ(outcome.end, End::trapped);
        EXPECT_EQ(outcome.signal, SIGSEGV);
        EXPECT_EQ(exception_name(outcome.vector), "#GP");
    }
    auto const invalid = run({0x0f, 0x0b}); // UD2
    EXPECT_EQ(signal_name(invalid.signal), "SIGILL");
    EXPECT_EQ(exception_name(invalid.vector), "#UD");
}

TEST_F(IsaProbeTest, system_calls_are_not_made) {
    auto const outcome = run({0xcd, 0x80}, {.gpr = {1}}); // exit(0), were it allowed
    EXPECT_TRUE(outcome.end == End::system_call || outcome.end == End::trapped);
}

TEST_F(IsaProbeTest, an_instruction_that_never_ends_is_ended) {
    EXPECT_EQ(run({0xeb, 0xfe}).end, End::hung); // JMP to itself
    EXPECT_EQ(run({0x90}).end, End::ran);
}

TEST_F(IsaProbeTest, even_the_loss_of_thread_local_data_is_survived) {
    EXPECT_EQ(run({0x8e, 0xe0}, {.gpr = {IsaProbe::data_selector}}).end, End::ran); // MOV FS, AX
    EXPECT_EQ(run({0x8e, 0xe0}, {.gpr = {0x18}}).end, End::trapped);                // and with a wrong selector
}

} // namespace
} // namespace ring3::host
