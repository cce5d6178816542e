#include "monitor/interpreter/test_vector_machine.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

using insn::Feature;

constexpr Outcome next = Outcome::next();
constexpr Outcome ud = Outcome::fault(Vector::ud);
constexpr u32 chosen = 0x8000'0000;

TEST(maskmov, writes_chosen_bytes_to_edi) {
    VectorMachine m;
    m.poke<u64>(m.data, 0);
    m.poke<u64>(m.data + 8, 0);
    m.reg(edi) = m.data;
    m.set_xmm<u64>(1, {0x8877'6655'4433'2211, 0xffee'ddcc'bbaa'9988});
    m.set_xmm<u64>(2, {0x8000'8000'0000'0080, 0x0000'0000'0000'80ff});
    EXPECT_EQ(m.execute({0x66, 0x0f, 0xf7, 0xca}), next); // maskmovdqu xmm1, xmm2
    EXPECT_EQ(m.peek<u64>(m.data), 0x8800'6600'0000'0011u);
    EXPECT_EQ(m.peek<u64>(m.data + 8), 0x9988u);
}

TEST(maskmov, of_mmx_enters_the_mmx_state) {
    VectorMachine m;
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1: physical register 7
    m.reg(edi) = m.data;
    m.poke<u64>(m.data, 0);
    m.fx().st[(1 - 7) & 7].significand = 0x1122'3344'5566'7788; // mm1
    m.fx().st[(2 - 7) & 7].significand = 0x80ff'0000'0000'0080; // mm2
    EXPECT_EQ(m.execute({0x0f, 0xf7, 0xca}), next);             // maskmovq mm1, mm2
    EXPECT_EQ(m.peek<u64>(m.data), 0x1122'0000'0000'0088u);
    EXPECT_EQ(m.top(), 0u);
    EXPECT_EQ(m.fx().tags, 0xff);
    EXPECT_EQ(m.fx().st[1].significand, 0x1122'3344'5566'7788u);
    EXPECT_EQ(m.fx().st[7].exponent, 0x3fff);
}

TEST(maskmov, wants_the_whole_operand_writable_as_processors_do) {
    VectorMachine m;
    m.enable_paging();
    m.unmap(m.page);
    m.reg(edi) = m.page - 8;
    m.set_xmm<u64>(1, {0x1111'1111'1111'1111, 0x2222'2222'2222'2222});
    m.set_xmm<u64>(2, {~u64{0}, 0}); // no byte of the second page
    m.poke<u64>(m.page - 8, 0);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0xf7, 0xca}), Outcome::fault(Vector::pf, 2));
    EXPECT_EQ(m.peek<u64>(m.page - 8), 0u);
}

TEST(vmaskmov, loads_zero_where_the_mask_is_clear) {
    VectorMachine m;
    if (lacks(m, Feature::avx)) GTEST_SKIP();
    m.enable_paging();
    m.unmap(m.page);
    m.poke_all<u32>(m.page - 8, {11, 22});
    m.reg(ebx) = m.page - 8;
    m.fill_ymm(1, 3);
    m.set_xmm<u32>(2, {chosen, chosen, 0, 0});
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x69, 0x2c, 0x0b}), next); // vmaskmovps xmm1, xmm2, [ebx]
    EXPECT_EQ(m.xmm<u32>(1, 0), 11u);
    EXPECT_EQ(m.xmm<u32>(1, 1), 22u);
    EXPECT_EQ(m.xmm<u64>(1, 1), 0u);
    EXPECT_EQ(m.state().ymm_high[1].low, 0u);
    m.set_xmm<u32>(2, {0, 0, 0, chosen});
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x69, 0x2c, 0x0b}), Outcome::fault(Vector::pf, 0));
    EXPECT_EQ(m.xmm<u32>(1, 0), 11u);
}

TEST(vmaskmov, stores_quadwords_of_256_bits) {
    VectorMachine m;
    if (lacks(m, Feature::avx2)) GTEST_SKIP();
    VectorRegister mask;
    mask.bytes[15] = mask.bytes[31] = 0x80;
    write_ymm(m.state(), 2, mask);
    m.fill_ymm(1, 5);
    for (u32 i = 0; i < 4; ++i) m.poke<u64>(m.data + 8 * i, 0);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0xed, 0x8e, 0x0b}), next); // vpmaskmovq [ebx], ymm2, ymm1
    EXPECT_EQ(m.peek<u64>(m.data), 0u);
    EXPECT_EQ(m.peek<u64>(m.data + 8), m.xmm<u64>(1, 1));
    EXPECT_EQ(m.peek<u64>(m.data + 16), 0u);
    EXPECT_EQ(m.peek<u64>(m.data + 24), m.state().ymm_high[1].high);
}

class Gather : public testing::Test {
protected:
    void SetUp() override {
        if (lacks(m, Feature::avx2)) GTEST_SKIP();
        for (u32 i = 0; i < 64; ++i) m.poke<u32>(m.data + 4 * i, 100 + i);
        m.reg(ebx) = m.data;
        m.fill_ymm(1, 1);
    }
    VectorMachine m;
};

TEST_F(Gather, takes_doublewords_from_scaled_indices) {
    m.set_xmm<u32>(2, {3, 0, 7, 1});
    m.set_xmm<u32>(3, {chosen, chosen, 0, chosen});
    u32 const kept = m.xmm<u32>(1, 2);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x90, 0x0c, 0x93}), next); // vpgatherdd xmm1, [ebx+xmm2*4], xmm3
    EXPECT_EQ(m.xmm<u32>(1, 0), 103u);
    EXPECT_EQ(m.xmm<u32>(1, 1), 100u);
    EXPECT_EQ(m.xmm<u32>(1, 2), kept);
    EXPECT_EQ(m.xmm<u32>(1, 3), 101u);
    EXPECT_EQ(m.xmm<u64>(3, 0) | m.xmm<u64>(3, 1), 0u);
    EXPECT_EQ(m.state().ymm_high[1].low, 0u);
}

TEST_F(Gather, wraps_addresses_at_4_gib) {
    m.set_xmm<u64>(2, {0xffff'ffff'ffff'ffff, 0x0000'0001'0000'0001});
    m.set_xmm<u32>(3, {chosen, chosen, chosen, chosen});
    m.reg(ebx) = m.data + 4;
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x91, 0x0c, 0x93}), next); // vpgatherqd xmm1, [ebx+xmm2*4], xmm3
    EXPECT_EQ(m.xmm<u32>(1, 0), 100u);
    EXPECT_EQ(m.xmm<u32>(1, 1), 102u);
    EXPECT_EQ(m.xmm<u64>(1, 1), 0u);
}

TEST_F(Gather, keeps_what_was_done_before_a_page_fault) {
    m.enable_paging();
    m.unmap(m.page);
    u32 const far = (m.page - m.data) / 4;
    m.set_xmm<u32>(2, {5, far, 6, 2});
    m.set_xmm<u32>(3, {chosen, chosen, chosen | 1, 0});
    u32 const kept = m.xmm<u32>(1, 1);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x90, 0x0c, 0x93}), Outcome::fault(Vector::pf, 0));
    EXPECT_EQ(m.v.mmu.fault_address().raw, m.page);
    EXPECT_EQ(m.xmm<u32>(1, 0), 105u);
    EXPECT_EQ(m.xmm<u32>(1, 1), kept);
    EXPECT_EQ(m.xmm<u32>(3, 0), 0u);
    EXPECT_EQ(m.xmm<u32>(3, 1), 0xffff'ffffu);
    m.set_page(m.page, m.page | 7);
    m.poke<u32>(m.page, 77);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x90, 0x0c, 0x93}), next);
    EXPECT_EQ(m.xmm<u32>(1, 0), 105u);
    EXPECT_EQ(m.xmm<u32>(1, 1), 77u);
    EXPECT_EQ(m.xmm<u32>(1, 2), 106u);
}

TEST_F(Gather, widens_the_whole_mask_before_a_page_fault) {
    m.enable_paging();
    m.unmap(m.page);
    u32 const far = (m.page - m.data) / 4;
    m.fill_ymm(3, 1);
    m.set_xmm<u32>(2, {far, 0, 0, 0});
    m.set_xmm<u32>(3, {chosen, 1, chosen, 2});
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x91, 0x0c, 0x93}), Outcome::fault(Vector::pf, 0)); // vpgatherqd
    EXPECT_EQ(m.xmm<u64>(3, 0), 0xffff'ffffu);
    EXPECT_EQ(m.xmm<u64>(3, 1), 0xffff'ffffu) << "although only two elements are used";
    EXPECT_EQ(m.state().ymm_high[3].low, 0u);
    EXPECT_NE(m.state().ymm_high[1].low, 0u) << "the destination is as it was";
}

TEST_F(Gather, demands_three_different_registers) {
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x71, 0x90, 0x0c, 0x93}), ud); // mask = destination
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x69, 0x90, 0x0c, 0x93}), ud); // mask = index
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x90, 0x14, 0x93}), ud); // destination = index
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x61, 0x90, 0x0b}), ud);       // no SIB byte
}

} // namespace
} // namespace ring3
