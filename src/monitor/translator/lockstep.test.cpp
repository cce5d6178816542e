// What --verify sees of two states that should be alike, and what it overlooks on purpose.
#include "monitor/translator/lockstep.h"

#include "insn/decoder.h"
#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/fpu_state.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>

namespace ring3 {
namespace {

using insn::FlagMask;
namespace flag = insn::flag;

// ---- registers

struct LockstepRegisters : testing::Test {
    LockstepRegisters() {
        reset_extended_state(cpu.fpu);
        cpu.gpr[eax] = 1;
        cpu.eip = 0x1000;
    }
    /// After this change, compared with what was before it.
    std::string difference_after(auto&& change, FlagMask undefined = 0) {
        UnitState before;
        before.take(cpu, {.vectors = true});
        change(cpu);
        auto const text = before.difference(cpu, undefined);
        EXPECT_EQ(before.matches(cpu, undefined), text.empty());
        before.put_into(cpu);
        EXPECT_TRUE(before.matches(cpu, 0));
        return text;
    }
    GuestCpu cpu;
};

TEST_F(LockstepRegisters, the_same_state_is_no_difference) {
    EXPECT_EQ(difference_after([](GuestCpu&) {}), "");
}

TEST_F(LockstepRegisters, names_the_register_that_differs) {
    EXPECT_EQ(difference_after([](GuestCpu& c) { c.gpr[esp] = 0x20; }), "esp is 20, expected 0; ");
    EXPECT_EQ(difference_after([](GuestCpu& c) { c.eip = 0x1004; }), "eip is 1004, expected 1000; ");
    EXPECT_EQ(difference_after([](GuestCpu& c) { c.gpr[eax] |= u64{1} << 32; }), "eax is 100000001, expected 1; ");
}

TEST_F(LockstepRegisters, flags_count_unless_they_are_undefined) {
    auto const set_carry = [](GuestCpu& c) { c.eflags.raw |= flag::cf; };
    EXPECT_EQ(difference_after(set_carry), "eflags is 3, expected 2; ");
    EXPECT_EQ(difference_after(set_carry, flag::af), "eflags is 3, expected 2; ");
    EXPECT_EQ(difference_after(set_carry, flag::cf), "");
}

TEST_F(LockstepRegisters, vector_registers_count_as_far_as_32_bit_code_has_them) {
    EXPECT_NE(difference_after([](GuestCpu& c) { image(c.fpu).fx.xmm[7].high = 1; }), "");
    EXPECT_NE(difference_after([](GuestCpu& c) { image(c.fpu).ymm_high[0].low = 1; }), "");
    EXPECT_NE(difference_after([](GuestCpu& c) { image(c.fpu).fx.st[3].exponent = 1; }), "");
    EXPECT_NE(difference_after([](GuestCpu& c) { image(c.fpu).fx.mxcsr.raw ^= 1; }), "");
    EXPECT_EQ(difference_after([](GuestCpu& c) { image(c.fpu).fx.xmm[8].low = 1; }), "");
    EXPECT_EQ(difference_after([](GuestCpu& c) { image(c.fpu).fx.pointers.fip = 0x1234; }), "");
}

TEST_F(LockstepRegisters, without_vector_instructions_the_vector_state_is_left_alone) {
    UnitState before;
    before.take(cpu, {});
    image(cpu.fpu).fx.xmm[0].low = 1;
    before.put_into(cpu);
    EXPECT_EQ(image(cpu.fpu).fx.xmm[0].low, 1u);
}

// ---- memory

struct LockstepMemory : testing::Test {
    LockstepMemory() { std::ranges::fill(bytes, u8{0x11}); }
    /// A store, noted as the interpreter's are.
    template <class T> void store(std::size_t offset, T value) {
        log.note(&bytes[offset], &value, sizeof value);
        std::memcpy(&bytes[offset], &value, sizeof value);
    }
    alignas(page_size) std::array<u8, page_size> bytes{};
    WriteLog log;
    TouchedLines lines;
};

TEST_F(LockstepMemory, stores_are_taken_back_and_made_again) {
    store<u32>(0x100, 0x22222222);
    store<u8>(0x101, 0x33); // over the first one
    auto const after = bytes;
    take_back(log);
    EXPECT_TRUE(std::ranges::all_of(bytes, [](u8 byte) { return byte == 0x11; }));
    make_again(log);
    EXPECT_EQ(bytes, after);
}

TEST_F(LockstepMemory, a_store_that_is_missing_is_seen) {
    store<u8>(0x105, 0x22);
    lines.take(log);
    EXPECT_TRUE(lines.match());
    take_back(log);
    EXPECT_FALSE(lines.match());
    EXPECT_EQ(lines.difference(), "the byte at 105 of a page is 11, expected 22; ");
}

TEST_F(LockstepMemory, a_store_that_is_too_wide_or_beside_its_place_is_seen) {
    store<u16>(0x17e, 0x2222);
    lines.take(log);
    bytes[0x17d] = 0;
    EXPECT_FALSE(lines.match());
    bytes[0x17d] = 0x11;
    EXPECT_TRUE(lines.match());
    bytes[0x140] = 0;
    EXPECT_FALSE(lines.match());
}

TEST_F(LockstepMemory, a_store_over_two_lines_is_looked_at_on_both) {
    store<u32>(0x1be, 0x22222222);
    lines.take(log);
    bytes[0x1c4] = 0;
    EXPECT_FALSE(lines.match());
    bytes[0x1c4] = 0x11;
    bytes[0x180] = 0;
    EXPECT_FALSE(lines.match());
}

TEST_F(LockstepMemory, memory_far_from_every_store_is_not_looked_at) {
    store<u32>(0x100, 1);
    lines.take(log);
    bytes[0x80] = 0;
    EXPECT_TRUE(lines.match());
}

// ---- flags that the manual leaves open

struct LockstepFlags : testing::Test {
    UnitStep step(std::initializer_list<u8> code) {
        std::array<u8, insn::max_length> bytes{};
        std::ranges::copy(code, bytes.begin());
        insn::Insn insn;
        EXPECT_EQ(insn::decode(bytes, 4, true, insn), insn::DecodeStatus::ok);
        return UnitStep::of(0, insn, *model);
    }
    Result<CpuModel> model{CpuModel::create("max")};
};

TEST_F(LockstepFlags, an_addition_settles_all) {
    EXPECT_EQ(step({0x01, 0xc8}).undefined_after(flag::af | flag::cf, 0), 0);
}

TEST_F(LockstepFlags, a_move_changes_nothing) {
    EXPECT_EQ(step({0x89, 0xc8}).undefined_after(flag::af, 0), flag::af);
}

TEST_F(LockstepFlags, a_logical_operation_leaves_the_adjust_flag_open) {
    EXPECT_EQ(step({0x21, 0xc8}).undefined_after(flag::cf, 0), flag::af);
}

TEST_F(LockstepFlags, a_shift_leaves_open_what_its_count_says) {
    UnitStep const by_one = step({0xd1, 0xe0}), by_three = step({0xc1, 0xe0, 3}), by_zero = step({0xc1, 0xe0, 0x20});
    EXPECT_EQ(by_one.undefined_after(0, 9) & flag::of, 0);
    EXPECT_EQ(by_three.undefined_after(0, 1) & flag::of, flag::of);
    EXPECT_EQ(by_zero.undefined_after(flag::cf, 1), flag::cf);
    UnitStep const by_cl = step({0xd3, 0xe0});
    EXPECT_EQ(by_cl.undefined_after(0, 1) & flag::of, 0);
    EXPECT_EQ(by_cl.undefined_after(0, 3) & flag::of, flag::of);
    EXPECT_EQ(by_cl.undefined_after(flag::cf, 0), flag::cf);
}

} // namespace
} // namespace ring3
