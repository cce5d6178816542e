#include "monitor/interpreter/test_vector_machine.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

constexpr Outcome next = Outcome::next();
constexpr Outcome nm = Outcome::fault(Vector::nm);
constexpr Outcome mf = Outcome::fault(Vector::mf);

constexpr u16 unmasked = 0x340; // all exceptions unmasked, extended precision
constexpr u16 zero_divide = 4;

/// 1 / 0 with unmasked exceptions: a pending zero-divide error.
void make_error_pending(VectorMachine& m) {
    m.fx().fcw.raw = unmasked;
    ASSERT_EQ(m.execute({0xd9, 0xee}), next); // fldz
    ASSERT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    ASSERT_EQ(m.execute({0xd8, 0xf1}), next); // fdiv st0, st1
    ASSERT_TRUE(x87_error_pending(m.fx()));
}

// ---- results

TEST(x87, computes_on_the_guests_stack) {
    VectorMachine m;
    m.poke<double>(m.data, 2.0);
    m.poke<i32>(m.data + 8, 40);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xdd, 0x03}), next);       // fld qword [ebx]
    EXPECT_EQ(m.execute({0xda, 0x43, 0x08}), next); // fiadd dword [ebx+8]
    EXPECT_EQ(m.st(0), 42.0);
    EXPECT_EQ(m.top(), 7u);
    EXPECT_EQ(m.execute({0xdb, 0x7b, 0x10}), next); // fstp tbyte [ebx+16]
    EXPECT_EQ(m.peek<u64>(m.data + 16), 0xa800'0000'0000'0000);
    EXPECT_EQ(m.peek<u16>(m.data + 24), 0x4004);
    EXPECT_EQ(m.peek<u16>(m.data + 26), 0);
    EXPECT_EQ(m.top(), 0u);
    EXPECT_EQ(m.fx().tags, 0u);
}

TEST(x87, compares_into_flags_and_moves_by_them) {
    VectorMachine m;
    EXPECT_EQ(m.execute({0xd9, 0xee}), next); // fldz
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    m.set_flags(Eflags::status);
    EXPECT_EQ(m.execute({0xdb, 0xf1}), next); // fcomi st0, st1
    EXPECT_EQ(m.flags(), Eflags::fixed_one);
    EXPECT_EQ(m.execute({0xda, 0xc1}), next); // fcmovb st0, st1: not taken
    EXPECT_EQ(m.st(0), 1.0);
    m.set_flags(Eflags::CF::mask);
    EXPECT_EQ(m.execute({0xda, 0xc1}), next); // taken
    EXPECT_EQ(m.st(0), 0.0);
}

TEST(x87, keeps_status_and_control_words) {
    VectorMachine m;
    m.reg(ebx) = m.data;
    m.poke<u16>(m.data, 0xffff);
    EXPECT_EQ(m.execute({0xd9, 0x2b}), next); // fldcw [ebx]
    EXPECT_EQ(m.execute({0xd9, 0x3b}), next); // fnstcw [ebx]
    EXPECT_EQ(m.peek<u16>(m.data), 0x1f7f);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    m.reg(eax) = 0x1234'5678;
    EXPECT_EQ(m.execute({0xdf, 0xe0}), next); // fnstsw ax
    EXPECT_EQ(m.reg(eax), 0x1234'3800u);
    EXPECT_EQ(m.execute({0xdd, 0x7b, 0x04}), next); // fnstsw [ebx+4]
    EXPECT_EQ(m.peek<u16>(m.data + 4), 0x3800);
    EXPECT_EQ(m.execute({0xdb, 0xe3}), next); // fninit
    EXPECT_EQ(m.fx().fcw.raw, 0x37f);
    EXPECT_EQ(m.fx().fsw.raw, 0);
    EXPECT_EQ(m.fx().tags, 0);
}

TEST(x87, rounds_to_the_guests_precision) {
    VectorMachine m;
    m.fx().fcw.raw = 0x07f; // single precision
    m.reg(ebx) = m.data;
    m.poke<double>(m.data, 0x1p-30);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    EXPECT_EQ(m.execute({0xdc, 0x03}), next); // fadd qword [ebx]
    EXPECT_EQ(m.st(0), 1.0);
}

// ---- faults

TEST(x87, is_not_available_with_em_or_ts) {
    VectorMachine m;
    for (auto control : {Cr0::EM::mask, Cr0::TS::mask}) {
        VectorMachine fresh;
        fresh.cpu.cr0.raw |= static_cast<u32>(control);
        fresh.reg(ebx) = fresh.data;
        EXPECT_EQ(fresh.execute({0xd9, 0xe8}), nm); // fld1
        EXPECT_EQ(fresh.execute({0xdb, 0xe3}), nm); // fninit
        EXPECT_EQ(fresh.execute({0xd9, 0x33}), nm); // fnstenv [ebx]
        EXPECT_EQ(fresh.execute({0xdf, 0xe0}), nm); // fnstsw ax
        EXPECT_EQ(fresh.execute({0xdd, 0x3b}), nm); // fnstsw [ebx]
        EXPECT_EQ(fresh.execute({0xdb, 0xe0}), nm); // fneni
    }
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::TS>(1).with<Cr0::MP>(0);
    EXPECT_EQ(m.execute({0x9b}), next); // fwait
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::MP>(1);
    EXPECT_EQ(m.execute({0x9b}), nm);
}

TEST(x87, raises_errors_at_the_next_waiting_instruction) {
    VectorMachine m;
    make_error_pending(m);
    EXPECT_EQ(m.fx().fsw.raw & 0x80bf, 0x8080 | zero_divide);
    EXPECT_EQ(m.execute({0x9b}), mf);         // fwait
    EXPECT_EQ(m.execute({0xd9, 0xe8}), mf);   // fld1
    EXPECT_EQ(m.execute({0xdf, 0xe0}), next); // fnstsw ax does not wait
    EXPECT_EQ(m.reg(eax) & 0x3f, zero_divide);
    EXPECT_EQ(m.execute({0xdb, 0xe0}), next); // fneni
    EXPECT_EQ(m.execute({0xdb, 0xe2}), next); // fnclex
    EXPECT_EQ(m.fx().fsw.raw & 0x80ff, 0);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next);
}

TEST(x87, finds_errors_pending_that_a_new_control_word_unmasks) {
    VectorMachine m;
    m.fx().fsw.raw = 1;
    m.poke<u16>(m.data, unmasked);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xd9, 0x2b}), next); // fldcw [ebx]
    EXPECT_EQ(m.fx().fsw.raw, 0x8081);
    EXPECT_EQ(m.execute({0xd9, 0x2b}), mf);
}

TEST(x87, raises_ferr_without_numeric_error_reporting) {
    VectorMachine m;
    make_error_pending(m);
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::NE>(0);
    m.cpu.eflags = m.cpu.eflags.with<Eflags::IF>(1);
    m.platform.pending = true; // IRQ 13 follows FERR#
    u64 const eip = m.code_start;
    EXPECT_EQ(m.execute({0xd9, 0xe8}), Outcome::again());
    EXPECT_TRUE(m.platform.ferr);
    EXPECT_EQ(m.cpu.eip, eip);
    // In the handler, with interrupts off, waiting instructions run as with IGNNE#.
    m.cpu.eflags = m.cpu.eflags.with<Eflags::IF>(0);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    EXPECT_EQ(m.st(0), 1.0);
    EXPECT_TRUE(x87_error_pending(m.fx()));
    EXPECT_EQ(m.execute({0xdb, 0xe2}), next); // fnclex
    EXPECT_FALSE(m.platform.ferr);
}

TEST(x87, withholds_a_store_that_raises_an_unmasked_error) {
    VectorMachine m;
    m.poke<double>(m.data, 1e300);
    m.poke<u32>(m.data + 8, 0x5555'5555);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xdd, 0x03}), next);       // fld qword [ebx]
    m.fx().fcw.raw = 0x377;                         // overflow unmasked
    EXPECT_EQ(m.execute({0xd9, 0x5b, 0x08}), next); // fstp dword [ebx+8]
    EXPECT_EQ(m.peek<u32>(m.data + 8), 0x5555'5555u);
    EXPECT_EQ(m.top(), 7u);
    EXPECT_EQ(m.execute({0x9b}), mf);
}

TEST(x87, stores_although_precision_is_unmasked) {
    VectorMachine m;
    m.poke<double>(m.data, 0.1);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xdd, 0x03}), next);
    m.fx().fcw.raw = 0x35f;                         // precision unmasked
    EXPECT_EQ(m.execute({0xd9, 0x5b, 0x08}), next); // fstp dword [ebx+8]
    EXPECT_EQ(m.peek<float>(m.data + 8), 0.1F);
    EXPECT_EQ(m.execute({0x9b}), mf);
}

TEST(x87, store_to_a_read_only_page_changes_nothing) {
    VectorMachine m;
    m.enable_paging();
    m.make_read_only(m.data);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    ExtendedState const before = m.cpu.fpu;
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xdd, 0x1b}), Outcome::fault(Vector::pf, 3)); // fstp qword [ebx]
    EXPECT_EQ(std::memcmp(&before, &m.cpu.fpu, sizeof before), 0);
    EXPECT_EQ(m.execute({0xdd, 0x33}), Outcome::fault(Vector::pf, 3)); // fnsave [ebx]
    EXPECT_EQ(m.execute({0xd9, 0x33}), Outcome::fault(Vector::pf, 3)); // fnstenv [ebx]
    EXPECT_EQ(std::memcmp(&before, &m.cpu.fpu, sizeof before), 0);
}

// ---- pointers and environment

TEST(x87, remembers_the_guests_addresses_and_never_the_hosts) {
    VectorMachine m;
    u32 const leaf7 = m.model().cpuid(0, 0, m.cpu).eax >= 7 ? m.model().cpuid(7, 0, m.cpu).ebx : 0;
    bool const on_exception_only = (leaf7 >> 6 & 1) != 0, no_selectors = (leaf7 >> 13 & 1) != 0;
    m.poke<double>(m.data, 0.0);
    m.reg(ebx) = m.data;
    m.code({0xdd, 0x03}, 0x1234); // fld qword [ebx]
    EXPECT_EQ(m.step(), next);
    FpuPointers const loaded = m.fx().pointers;
    EXPECT_EQ(u32{loaded.fip}, 0x1234u); // a copy, as a packed member binds to no reference
    EXPECT_EQ(u16{loaded.fcs}, no_selectors ? 0 : m.cpu.seg(SegmentName::cs).selector.raw);
    EXPECT_EQ(u32{loaded.fdp}, on_exception_only ? 0 : m.data);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    m.fx().fcw.raw = unmasked;
    m.code({0xdc, 0x33}, 0x2345); // fdiv qword [ebx]
    EXPECT_EQ(m.step(), next);
    FpuPointers const failed = m.fx().pointers;
    EXPECT_EQ(u32{failed.fip}, 0x2345u);
    EXPECT_EQ(u32{failed.fdp}, m.data);
    EXPECT_EQ(u16{failed.fop}, 0x433);
    EXPECT_EQ(u16{failed.fds}, no_selectors ? 0 : m.cpu.seg(SegmentName::ds).selector.raw);
    EXPECT_EQ(m.execute({0xdf, 0xe0}), next); // fnstsw ax: control instructions leave them alone
    EXPECT_EQ(u32{m.fx().pointers.fip}, 0x2345u);
    m.fx().fcw.raw = 0x37f;
    EXPECT_EQ(m.execute({0x0f, 0xfc, 0xd2}), next); // paddb mm2, mm2: so does MMX
    EXPECT_EQ(u32{m.fx().pointers.fip}, 0x2345u);
}

/// A state whose every environment field can be told apart.
void fill_environment(VectorMachine& m) {
    EXPECT_EQ(m.execute({0xd9, 0xee}), next); // fldz
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    m.fx().pointers = {0x345, 0x0012'3456, 0, 0, 0x0065'4321, 0, 0};
}
constexpr u16 filled_tags = 0x4fff; // physical 7 zero, 6 valid, the rest empty

TEST(x87_environment, has_the_32_bit_protected_format) {
    VectorMachine m;
    fill_environment(m);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xd9, 0x33}), next); // fnstenv [ebx]
    u32 const expected[] = {0xffff'037f, 0xffff'3000, 0xffff'0000 | filled_tags, 0x0012'3456, 0x0345'0000,
                            0x0065'4321, 0xffff'0000};
    for (u32 i = 0; i < 7; ++i) EXPECT_EQ(m.peek<u32>(m.data + 4 * i), expected[i]) << i;
    EXPECT_EQ(m.peek<u32>(m.data + 28), 0u);
}

TEST(x87_environment, has_the_16_bit_protected_format) {
    VectorMachine m;
    fill_environment(m);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0x66, 0xd9, 0x33}), next); // fnstenv [ebx], 16-bit
    u16 const expected[] = {0x037f, 0x3000, filled_tags, 0x3456, 0, 0x4321, 0, 0};
    for (u32 i = 0; i < 8; ++i) EXPECT_EQ(m.peek<u16>(m.data + 2 * i), expected[i]) << i;
}

TEST(x87_environment, has_linear_pointers_in_real_mode) {
    VectorMachine m{TestMode::real};
    fill_environment(m);
    m.reg(ebx) = 0x4000;
    EXPECT_EQ(m.execute({0xd9, 0x37}), next); // fnstenv [bx]
    u16 const expected[] = {0x037f, 0x3000, filled_tags, 0x3456, 0x2345, 0x4321, 0x5000};
    for (u32 i = 0; i < 7; ++i) EXPECT_EQ(m.peek<u16>(0x4000 + 2 * i), expected[i]) << i;
    EXPECT_EQ(m.execute({0x66, 0xd9, 0x37}), next); // 32-bit
    u32 const wide[] = {0xffff'037f, 0xffff'3000, 0xffff'0000 | filled_tags, 0xffff'3456, 0x0001'2345,
                        0xffff'4321, 0x0006'5000};
    for (u32 i = 0; i < 7; ++i) EXPECT_EQ(m.peek<u32>(0x4000 + 4 * i), wide[i]) << i;
}

TEST(x87_environment, tags_registers_by_their_contents) {
    VectorMachine m;
    m.poke<u16>(m.data + 8, 0x7fff); // a quiet NaN of 80 bits
    m.poke<u64>(m.data, 0xc000'0000'0000'0000);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xd9, 0xee}), next); // fldz: 1
    EXPECT_EQ(m.execute({0xdb, 0x2b}), next); // fld tbyte [ebx]: 2
    EXPECT_EQ(m.execute({0xd9, 0xeb}), next); // fldpi: 0
    EXPECT_EQ(m.execute({0xd9, 0x33}), next); // fnstenv [ebx]
    EXPECT_EQ(m.peek<u32>(m.data + 4), 0xffff'2800u);
    EXPECT_EQ(m.peek<u32>(m.data + 8), 0xffff'63ffu);
}

TEST(x87_environment, masks_exceptions_once_stored) {
    VectorMachine m;
    make_error_pending(m);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xd9, 0x33}), next); // fnstenv [ebx]
    EXPECT_EQ(m.peek<u16>(m.data), unmasked);
    EXPECT_EQ(m.peek<u16>(m.data + 4) & 0x80bf, 0x8084);
    EXPECT_EQ(m.fx().fcw.raw, unmasked | 0x3f);
    EXPECT_EQ(m.fx().fsw.raw & 0x80bf, 4);
    EXPECT_EQ(m.execute({0x9b}), next);
    EXPECT_EQ(m.execute({0xd9, 0x23}), next); // fldenv [ebx]: pending again
    EXPECT_EQ(m.execute({0x9b}), mf);
}

TEST(x87_environment, survives_a_round_trip_in_every_format) {
    for (TestMode mode : {TestMode::flat32, TestMode::real, TestMode::v86})
        for (bool other_size : {false, true}) {
            VectorMachine m{mode};
            fill_environment(m);
            m.fx().pointers.fip &= 0xffff;
            m.fx().pointers.fdp &= 0xffff;
            if (mode == TestMode::flat32 && other_size) m.fx().pointers.fop = 0; // the format has no place for it
            m.reg(ebx) = 0x4000;
            FxImage const before = m.fx();
            u8 const modrm = mode == TestMode::flat32 ? 0x33 : 0x37;
            u8 const prefix = other_size ? 0x66 : 0x3e;        // a DS prefix does nothing
            EXPECT_EQ(m.execute({prefix, 0xdd, modrm}), next); // fnsave
            EXPECT_EQ(m.fx().tags, 0);
            EXPECT_EQ(m.fx().fsw.raw, 0);
            u8 const back = static_cast<u8>(modrm - 0x10);
            EXPECT_EQ(m.execute({prefix, 0xdd, back}), next); // frstor
            EXPECT_EQ(std::memcmp(&before, &m.fx(), sizeof before), 0);
        }
}

TEST(x87_environment, turns_the_stack_but_moves_no_register) {
    VectorMachine m;
    fill_environment(m); // 1.0 in physical register 6, TOP
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xd9, 0x33}), next); // fnstenv [ebx]
    m.poke<u16>(m.data + 4, 4 << 11);         // TOP = 4
    EXPECT_EQ(m.execute({0xd9, 0x23}), next); // fldenv [ebx]
    EXPECT_EQ(m.top(), 4u);
    EXPECT_EQ(m.st(6 - 4), 1.0);
    EXPECT_EQ(m.execute({0xdb, 0xe3}), next); // fninit
    EXPECT_EQ(m.top(), 0u);
    EXPECT_EQ(m.st(6), 1.0);
}

TEST(x87_environment, is_aligned_as_its_words_are) {
    VectorMachine m;
    m.cpu.cpl = 3;
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::AM>(1);
    m.set_flags(Eflags::AC::mask);
    m.v.update_mode();
    m.reg(ebx) = m.data + 2;
    EXPECT_EQ(m.execute({0xd9, 0x33}), Outcome::fault(Vector::ac, 0)); // fnstenv [ebx]
    EXPECT_EQ(m.execute({0x66, 0xd9, 0x33}), next);                    // 16-bit
    m.reg(ebx) = m.data + 4;
    EXPECT_EQ(m.execute({0xdb, 0x2b}), Outcome::fault(Vector::ac, 0)); // fld tbyte [ebx]: as quadwords
}

TEST(x87, store_that_is_withheld_needs_no_memory) {
    VectorMachine m;
    m.enable_paging();
    m.unmap(m.page);
    m.reg(ebx) = m.page;
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next);                          // fld1
    EXPECT_EQ(m.execute({0xdd, 0x1b}), Outcome::fault(Vector::pf, 2)); // fstp qword [ebx]
    EXPECT_EQ(m.st(0), 1.0);
    m.fx().fcw.raw = unmasked;
    m.fx().tags = 0;
    EXPECT_EQ(m.execute({0xdd, 0x1b}), next); // from an empty register: an exception, so no store
    EXPECT_TRUE(m.fx().fsw.has<Fsw::ES>());
}

TEST(x87_environment, of_fnsave_ends_with_the_registers) {
    VectorMachine m;
    fill_environment(m);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xdd, 0x33}), next);        // fnsave [ebx]
    EXPECT_EQ(m.peek<u16>(m.data + 28 + 8), 0x3fff); // ST(0) = 1.0
    EXPECT_EQ(m.peek<u64>(m.data + 28 + 10), 0u);    // ST(1) = 0.0
    EXPECT_EQ(m.peek<u32>(m.data + 108), 0u);
    EXPECT_EQ(m.execute({0xdd, 0xc0}), next); // ffree st0
}

} // namespace
} // namespace ring3
