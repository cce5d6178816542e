#include "monitor/interpreter/test_vector_machine.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

using insn::Feature;

constexpr Outcome next = Outcome::next();
constexpr Outcome ud = Outcome::fault(Vector::ud);
constexpr Outcome nm = Outcome::fault(Vector::nm);
constexpr Outcome gp = Outcome::fault(Vector::gp, 0);

constexpr u32 bv = 512, xcomp = 520, ymm = 576; // offsets in an area

class Area : public testing::Test {
protected:
    void SetUp() override {
        m.reg(ebx) = m.data;
        for (u32 i = 0; i < 1024; ++i) m.poke<u8>(m.data + i, 0xee);
        for (u32 i = 0; i < sizeof(XHeader); ++i) m.poke<u8>(m.data + bv + i, 0);
    }
    Outcome fxsave() { return m.execute({0x0f, 0xae, 0x03}); }
    Outcome fxrstor() { return m.execute({0x0f, 0xae, 0x0b}); }
    Outcome xsave(u32 low) { return masked(low, 0x23); }
    Outcome xrstor(u32 low) { return masked(low, 0x2b); }
    Outcome xsaveopt(u32 low) { return masked(low, 0x33); }
    Outcome masked(u32 low, u8 modrm) {
        m.reg(eax) = low;
        m.reg(edx) = 0;
        return m.execute({0x0f, 0xae, modrm});
    }
    void fill_all() {
        for (unsigned i = 0; i < 8; ++i) m.fill_ymm(i, static_cast<u8>(i + 1));
        EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
        m.fx().mxcsr.raw = 0x1fa0;
    }
    VectorMachine m;
};

TEST_F(Area, fxsave_and_fxrstor_are_inverse) {
    fill_all();
    FxImage const before = m.fx();
    EXPECT_EQ(fxsave(), next);
    EXPECT_EQ(m.peek<u32>(m.data + 28), 0xffffu) << "MXCSR_MASK";
    EXPECT_EQ(m.peek<u8>(m.data + 287), static_cast<u8>(8 + 37 * 15));
    EXPECT_EQ(m.peek<u8>(m.data + 288), 0xee) << "XMM8 on belongs to 64-bit mode";
    init_components(m.state(), {{XComponents::all}});
    m.fx().mxcsr.raw = 0x1f80;
    EXPECT_EQ(fxrstor(), next);
    EXPECT_EQ(std::memcmp(&before, &m.fx(), sizeof before), 0);
}

TEST_F(Area, fxsave_faults_in_order) {
    m.reg(ebx) = m.data + 8;
    EXPECT_EQ(fxsave(), gp);
    EXPECT_EQ(fxrstor(), gp);
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::TS>(1);
    EXPECT_EQ(fxsave(), nm);
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::TS>(0).with<Cr0::EM>(1);
    EXPECT_EQ(fxrstor(), nm);
}

TEST_F(Area, fxsave_across_a_page_fault_writes_nothing) {
    m.enable_paging();
    m.unmap(m.page);
    m.reg(ebx) = m.page - 256;
    m.poke<u8>(m.page - 256, 0x77);
    EXPECT_EQ(fxsave(), Outcome::fault(Vector::pf, 2));
    EXPECT_EQ(m.peek<u8>(m.page - 256), 0x77);
}

TEST_F(Area, fxrstor_rejects_reserved_mxcsr_bits_and_changes_nothing) {
    fill_all();
    EXPECT_EQ(fxsave(), next);
    m.poke<u32>(m.data + 24, 0x1'1f80);
    ExtendedState const before = m.cpu.fpu;
    EXPECT_EQ(fxrstor(), gp);
    EXPECT_EQ(std::memcmp(&before, &m.cpu.fpu, sizeof before), 0);
}

TEST_F(Area, fxrstor_accepts_any_x87_image) {
    for (u32 i = 0; i < 160; ++i) m.poke<u8>(m.data + i, 0xff);
    m.poke<u32>(m.data + 24, 0x1f80);
    m.poke<u16>(m.data, 0); // everything unmasked
    EXPECT_EQ(fxrstor(), next);
    EXPECT_EQ(m.fx().fcw.raw, 0x40);
    EXPECT_EQ(m.fx().fsw.raw, 0xffff);
    EXPECT_EQ(m.fx().pointers.fop, 0x7ff);
    EXPECT_EQ(m.execute({0xd9, 0xe8}), Outcome::fault(Vector::mf));
    EXPECT_EQ(m.execute({0xdb, 0xe2}), next); // fnclex
    EXPECT_EQ(m.execute({0xd9, 0xf7}), next); // fincstp
}

TEST_F(Area, ldmxcsr_rejects_reserved_bits) {
    m.poke<u32>(m.data, 0x7f80);
    EXPECT_EQ(m.execute({0x0f, 0xae, 0x13}), next); // ldmxcsr [ebx]
    EXPECT_EQ(m.fx().mxcsr.raw, 0x7f80u);
    m.poke<u32>(m.data, 0x1'0000);
    EXPECT_EQ(m.execute({0x0f, 0xae, 0x13}), gp);
    EXPECT_EQ(m.execute({0x0f, 0xae, 0x1b}), next); // stmxcsr [ebx]
    EXPECT_EQ(m.peek<u32>(m.data), 0x7f80u);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSFXSR>(0);
    EXPECT_EQ(m.execute({0x0f, 0xae, 0x1b}), ud);
}

class XArea : public Area {
protected:
    void SetUp() override {
        Area::SetUp();
        if (lacks(m, Feature::xsave) || lacks(m, Feature::avx)) GTEST_SKIP();
    }
};

TEST_F(XArea, xsave_and_xrstor_are_inverse) {
    fill_all();
    ExtendedState const before = m.cpu.fpu;
    EXPECT_EQ(xsave(7), next);
    EXPECT_EQ(m.peek<u64>(m.data + bv), 7u);
    EXPECT_EQ(m.peek<u8>(m.data + ymm + 128), 0xee) << "YMM8 on belongs to 64-bit mode";
    init_components(m.state(), {{XComponents::all}});
    m.fx().mxcsr.raw = 0x1f80;
    EXPECT_EQ(xrstor(7), next);
    EXPECT_EQ(std::memcmp(&before, &m.cpu.fpu, sizeof before), 0);
}

TEST_F(XArea, xsave_writes_only_what_is_asked_for_and_enabled) {
    fill_all();
    m.poke<u64>(m.data + bv, 5);
    EXPECT_EQ(xsave(0xffff'fffa), next); // SSE of XCR0's components
    EXPECT_EQ(m.peek<u64>(m.data + bv), 7u) << "bits outside the mask are kept";
    EXPECT_EQ(m.peek<u16>(m.data), 0xeeee);
    EXPECT_EQ(m.peek<u32>(m.data + 24), 0x1fa0u);
    EXPECT_EQ(m.peek<u8>(m.data + 160), 1);
    EXPECT_EQ(m.peek<u8>(m.data + ymm), 0xee);
    EXPECT_EQ(m.peek<u64>(m.data + xcomp), 0u);
}

TEST_F(XArea, xsave_tells_components_in_their_initial_state) {
    EXPECT_EQ(xsave(7), next);
    EXPECT_EQ(m.peek<u64>(m.data + bv), 0u);
    EXPECT_EQ(m.peek<u16>(m.data), 0x37f) << "XSAVE writes them nevertheless";
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1
    m.set_xmm<u32>(3, {1});
    EXPECT_EQ(xsave(7), next);
    EXPECT_EQ(m.peek<u64>(m.data + bv), 3u);
}

TEST_F(XArea, xsaveopt_leaves_out_initial_components) {
    if (lacks(m, Feature::xsaveopt)) GTEST_SKIP();
    m.set_xmm<u32>(3, {1});
    EXPECT_EQ(xsaveopt(7), next);
    EXPECT_EQ(m.peek<u64>(m.data + bv), 2u);
    EXPECT_EQ(m.peek<u16>(m.data), 0xeeee);
    EXPECT_EQ(m.peek<u32>(m.data + 24), 0x1f80u);
    EXPECT_EQ(m.peek<u32>(m.data + 160 + 48), 1u);
    EXPECT_EQ(m.peek<u8>(m.data + ymm), 0xee);
}

TEST_F(XArea, xrstor_initialises_what_the_header_lacks) {
    fill_all();
    EXPECT_EQ(xsave(7), next);
    m.poke<u64>(m.data + bv, 1);
    m.poke<u32>(m.data + 24, 0x5f80);
    EXPECT_EQ(xrstor(6), next);
    EXPECT_EQ(m.xmm<u64>(2, 0), 0u);
    EXPECT_EQ(m.state().ymm_high[2].low, 0u);
    EXPECT_EQ(m.fx().mxcsr.raw, 0x5f80u) << "MXCSR comes from memory whatever XSTATE_BV says";
    EXPECT_EQ(m.st(0), 1.0) << "x87 was not asked for";
    EXPECT_EQ(xrstor(1), next);
    EXPECT_EQ(m.st(0), 1.0);
    m.poke<u64>(m.data + bv, 0);
    EXPECT_EQ(xrstor(1), next);
    EXPECT_EQ(m.fx().tags, 0);
    EXPECT_EQ(m.fx().fcw.raw, 0x37f);
}

TEST_F(XArea, xrstor_checks_the_header) {
    fill_all();
    EXPECT_EQ(xsave(7), next);
    ExtendedState const before = m.cpu.fpu;
    auto const refused = [&](u32 offset, u64 value) {
        u64 const old = m.peek<u64>(m.data + offset);
        m.poke<u64>(m.data + offset, value);
        Outcome const outcome = xrstor(7);
        m.poke<u64>(m.data + offset, old);
        return outcome == gp;
    };
    EXPECT_TRUE(refused(bv, 15));
    EXPECT_TRUE(refused(xcomp, 1));
    EXPECT_TRUE(refused(xcomp, u64{1} << 63)) << "no compact form";
    EXPECT_TRUE(refused(xcomp + 8, 1));
    EXPECT_FALSE(refused(xcomp + 16, 1)) << "bytes 63:24 of the header are ignored";
    EXPECT_TRUE(refused(24, 0xffff'0000));
    m.cpu.xcr0 = 3;
    EXPECT_EQ(xrstor(3), gp) << "XSTATE_BV has AVX, XCR0 has not";
    EXPECT_EQ(std::memcmp(&before, &m.cpu.fpu, sizeof before), 0);
}

TEST_F(XArea, xsave_faults_in_order) {
    m.reg(ebx) = m.data + 16;
    EXPECT_EQ(xsave(7), gp);
    EXPECT_EQ(xrstor(7), gp);
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::TS>(1);
    EXPECT_EQ(xsave(7), nm);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSXSAVE>(0);
    EXPECT_EQ(xsave(7), ud);
    EXPECT_EQ(xrstor(7), ud);
}

TEST_F(XArea, a_page_fault_at_the_end_of_the_area_leaves_memory_alone) {
    m.enable_paging();
    m.make_read_only(m.page);
    m.reg(ebx) = m.page - 576; // the AVX part lies on the next page
    m.poke<u64>(m.page - 64, 0);
    m.poke<u16>(m.page - 576, 0x1111);
    fill_all();
    EXPECT_EQ(xsave(7), Outcome::fault(Vector::pf, 3));
    EXPECT_EQ(m.peek<u16>(m.page - 576), 0x1111);
    EXPECT_EQ(xsave(3), next);
    EXPECT_EQ(m.peek<u16>(m.page - 576), 0x37f);
}

TEST(extended_state, after_reset_is_what_table_9_1_says) {
    ExtendedState state;
    reset_extended_state(state);
    FxImage const& fx = image(state).fx;
    EXPECT_EQ(fx.fcw.raw, 0x40);
    EXPECT_EQ(fx.fsw.raw, 0);
    EXPECT_EQ(full_tag_word(fx), 0x5555);
    EXPECT_EQ(fx.mxcsr.raw, 0x1f80u);
}

} // namespace
} // namespace ring3
