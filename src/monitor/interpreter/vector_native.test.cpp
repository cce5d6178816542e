#include "monitor/interpreter/test_vector_machine.h"

#include <gtest/gtest.h>
#include <immintrin.h>

namespace ring3 {
namespace {

using insn::Feature;

constexpr Outcome next = Outcome::next();
constexpr Outcome ud = Outcome::fault(Vector::ud);
constexpr Outcome nm = Outcome::fault(Vector::nm);
constexpr Outcome gp = Outcome::fault(Vector::gp, 0);

__m128i reg128(VectorMachine& m, unsigned number) {
    return _mm_loadu_si128(static_cast<__m128i const*>(static_cast<void const*>(&m.fx().xmm[number])));
}
bool same(__m128i a, __m128i b) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == 0xffff;
}

// ---- results

TEST(vector, adds_packed_single_from_memory) {
    VectorMachine m;
    m.set_xmm<float>(1, {1, 2, 3, 4});
    m.poke_all<float>(m.data, {0.5, 0.25, -3, 1e10F});
    m.reg(ebx) = m.data - 8;
    EXPECT_EQ(m.execute({0x0f, 0x58, 0x4b, 0x08}), next); // addps xmm1, [ebx+8]
    EXPECT_EQ(m.xmm<float>(1, 0), 1.5F);
    EXPECT_EQ(m.xmm<float>(1, 1), 2.25F);
    EXPECT_EQ(m.xmm<float>(1, 2), 0.0F);
    EXPECT_EQ(m.xmm<float>(1, 3), 4 + 1e10F);
    EXPECT_EQ(m.cpu.eip, m.code_start + 4);
}

TEST(vector, stores_exactly_the_bytes_of_the_operand) {
    VectorMachine m;
    m.set_xmm<u32>(2, {0x11111111, 0x22222222, 0x33333333, 0x44444444});
    m.poke<u64>(m.data, 0);
    m.reg(ecx) = m.data;
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0x11, 0x11}), next); // movss [ecx], xmm2
    EXPECT_EQ(m.peek<u64>(m.data), 0x11111111u);
    EXPECT_EQ(m.execute({0x0f, 0x11, 0x51, 0x01}), next); // movups [ecx+1], xmm2
    EXPECT_EQ(m.peek<u32>(m.data + 13), 0x44444444u);
    EXPECT_EQ(m.peek<u8>(m.data + 17), 0u);
}

TEST(vector, moves_between_general_and_vector_registers) {
    VectorMachine m;
    m.reg(ebp) = 0x89abcdef;
    EXPECT_EQ(m.execute({0x66, 0x0f, 0x6e, 0xdd}), next); // movd xmm3, ebp
    EXPECT_EQ(m.xmm<u64>(3, 0), 0x89abcdefu);
    m.set_xmm<u64>(3, {0x8000'0000'0000'0080, 0x80});
    m.reg(edi) = ~u64{0} >> 32;
    EXPECT_EQ(m.execute({0x66, 0x0f, 0xd7, 0xfb}), next); // pmovmskb edi, xmm3
    EXPECT_EQ(m.reg(edi), 0x181u);
    m.set_xmm<double>(5, {-7.9, 0});
    EXPECT_EQ(m.execute({0xf2, 0x0f, 0x2c, 0xf5}), next); // cvttsd2si esi, xmm5
    EXPECT_EQ(m.reg(esi), 0xffff'fff9u);
    m.reg(edx) = 0xffff'fffe;
    EXPECT_EQ(m.execute({0xf2, 0x0f, 0x2a, 0xca}), next); // cvtsi2sd xmm1, edx
    EXPECT_EQ(m.xmm<double>(1, 0), -2.0);
}

TEST(vector, compares_into_the_status_flags_only) {
    VectorMachine m;
    m.set_flags(Eflags::status | Eflags::DF::mask);
    m.set_xmm<float>(0, {1});
    m.set_xmm<float>(1, {2});
    EXPECT_EQ(m.execute({0x0f, 0x2f, 0xc1}), next); // comiss xmm0, xmm1
    EXPECT_EQ(m.flags(), u32{Eflags::fixed_one | Eflags::DF::mask | Eflags::CF::mask});
    m.set_xmm<float>(1, {1});
    EXPECT_EQ(m.execute({0x0f, 0x2e, 0xc1}), next); // ucomiss xmm0, xmm1
    EXPECT_EQ(m.flags(), u32{Eflags::fixed_one | Eflags::DF::mask | Eflags::ZF::mask});
}

TEST(vector, leaves_flags_alone_where_the_manual_says_so) {
    VectorMachine m;
    m.set_flags(Eflags::status);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0xef, 0xc0}), next); // pxor xmm0, xmm0
    EXPECT_EQ(m.flags(), Eflags::status | Eflags::fixed_one);
}

TEST(vector, compares_strings_with_implicit_registers) {
    VectorMachine m;
    if (lacks(m, Feature::sse42)) GTEST_SKIP();
    m.set_xmm<u8>(1, {'a', 'b', 'c', 'd'});
    m.set_xmm<u8>(2, {'x', 'y', 'c', 'q'});
    m.reg(eax) = m.reg(edx) = 4;
    EXPECT_EQ(m.execute({0x66, 0x0f, 0x3a, 0x61, 0xca, 0x00}), next); // pcmpestri xmm1, xmm2, 0 (equal any)
    EXPECT_EQ(m.reg(ecx), 2u);
    EXPECT_TRUE(m.cpu.eflags.has<Eflags::CF>());
    EXPECT_EQ(m.reg(eax), 4u);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0x3a, 0x62, 0xca, 0x00}), next); // pcmpistrm xmm1, xmm2, 0
    EXPECT_EQ(m.xmm<u64>(0, 0), 4u);
}

__attribute__((target("aes"))) __m128i direct_aesenc(__m128i a, __m128i b) {
    return _mm_aesenc_si128(a, b);
}
__attribute__((target("pclmul"))) __m128i direct_pclmul(__m128i a, __m128i b) {
    return _mm_clmulepi64_si128(a, b, 0x10);
}
__attribute__((target("ssse3"))) __m128i direct_pshufb(__m128i a, __m128i b) {
    return _mm_shuffle_epi8(a, b);
}
__attribute__((target("sha"))) __m128i direct_sha256msg1(__m128i a, __m128i b) {
    return _mm_sha256msg1_epu32(a, b);
}
__attribute__((target("gfni"))) __m128i direct_gf2p8mulb(__m128i a, __m128i b) {
    return _mm_gf2p8mul_epi8(a, b);
}
__attribute__((target("sse4.1"))) __m128i direct_mpsadbw(__m128i a, __m128i b) {
    return _mm_mpsadbw_epu8(a, b, 5);
}

struct DirectCase {
    Feature feature;
    std::initializer_list<u8> code; // on xmm4, xmm6
    __m128i (*direct)(__m128i, __m128i);
};

TEST(vector, does_what_the_same_instruction_does_here) {
    DirectCase const cases[] = {
        {Feature::aes, {0x66, 0x0f, 0x38, 0xdc, 0xe6}, direct_aesenc},
        {Feature::pclmul, {0x66, 0x0f, 0x3a, 0x44, 0xe6, 0x10}, direct_pclmul},
        {Feature::ssse3, {0x66, 0x0f, 0x38, 0x00, 0xe6}, direct_pshufb},
        {Feature::sha, {0x0f, 0x38, 0xcc, 0xe6}, direct_sha256msg1},
        {Feature::gfni, {0x66, 0x0f, 0x38, 0xcf, 0xe6}, direct_gf2p8mulb},
        {Feature::sse41, {0x66, 0x0f, 0x3a, 0x42, 0xe6, 0x05}, direct_mpsadbw},
    };
    VectorMachine m;
    for (DirectCase const& c : cases) {
        if (lacks(m, c.feature)) continue;
        m.fill_ymm(4, 0x35);
        m.fill_ymm(6, 0xc1);
        __m128i const expected = c.direct(reg128(m, 4), reg128(m, 6));
        u64 const upper = m.state().ymm_high[4].low;
        EXPECT_EQ(m.execute(c.code), next);
        EXPECT_TRUE(same(reg128(m, 4), expected)) << static_cast<int>(c.feature);
        EXPECT_EQ(m.state().ymm_high[4].low, upper) << "a legacy instruction keeps the upper half";
    }
}

// ---- AVX

TEST(avx, clears_the_upper_half_of_a_128_bit_destination) {
    VectorMachine m;
    if (lacks(m, Feature::avx)) GTEST_SKIP();
    m.fill_ymm(1, 1);
    m.fill_ymm(2, 2);
    m.fill_ymm(3, 3);
    __m128i const expected = _mm_add_epi32(reg128(m, 2), reg128(m, 3));
    EXPECT_EQ(m.execute({0xc5, 0xe9, 0xfe, 0xcb}), next); // vpaddd xmm1, xmm2, xmm3
    EXPECT_TRUE(same(reg128(m, 1), expected));
    EXPECT_EQ(m.state().ymm_high[1].low | m.state().ymm_high[1].high, 0u);
    EXPECT_NE(m.state().ymm_high[2].low, 0u);
}

TEST(avx, handles_256_bits_from_unaligned_memory) {
    VectorMachine m;
    if (lacks(m, Feature::avx2)) GTEST_SKIP();
    m.fill_ymm(5, 9);
    VectorRegister const before = read_ymm(m.state(), 5);
    for (u32 i = 0; i < 32; ++i) m.poke<u8>(m.data + 1 + i, static_cast<u8>(i));
    m.reg(eax) = m.data + 1;
    EXPECT_EQ(m.execute({0xc5, 0xd5, 0xfc, 0x28}), next); // vpaddb ymm5, ymm5, [eax]
    for (u32 i = 0; i < 32; ++i) EXPECT_EQ(read_ymm(m.state(), 5).bytes[i], static_cast<u8>(before.bytes[i] + i)) << i;
}

TEST(avx, ignores_w_where_it_would_mean_a_64_bit_register) {
    VectorMachine m;
    if (lacks(m, Feature::avx)) GTEST_SKIP();
    m.reg(ecx) = 0xffff'ffff;
    EXPECT_EQ(m.execute({0xc4, 0xe1, 0xeb, 0x2a, 0xc9}), next); // vcvtsi2sd xmm1, xmm2, ecx with W = 1
    EXPECT_EQ(m.xmm<double>(1, 0), -1.0);
}

TEST(avx, multiplies_and_adds_in_one_rounding) {
    VectorMachine m;
    if (lacks(m, Feature::fma)) GTEST_SKIP();
    double const a = 1 + 0x1p-52, b = 1 - 0x1p-52, c = -1;
    m.set_xmm<double>(1, {a});
    m.set_xmm<double>(2, {b});
    m.set_xmm<double>(3, {c});
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0xe9, 0xa9, 0xcb}), next); // vfmadd213sd xmm1, xmm2, xmm3
    EXPECT_EQ(m.xmm<double>(1, 0), -0x1p-104);
}

TEST(avx, needs_osxsave_and_xcr0_but_not_em) {
    VectorMachine m;
    if (lacks(m, Feature::avx)) GTEST_SKIP();
    auto const vpaddd = {u8{0xc5}, u8{0xe9}, u8{0xfe}, u8{0xcb}};
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::EM>(1);
    EXPECT_EQ(m.execute(vpaddd), next);
    m.cpu.xcr0 = 3;
    EXPECT_EQ(m.execute(vpaddd), ud);
    m.cpu.xcr0 = 7;
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::TS>(1);
    EXPECT_EQ(m.execute(vpaddd), nm);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSXSAVE>(0);
    EXPECT_EQ(m.execute(vpaddd), ud);
}

// ---- faults and their order

TEST(vector_faults, are_checked_in_the_manuals_order) {
    VectorMachine m;
    m.enable_paging();
    m.unmap(m.data);
    m.reg(ebx) = m.data + 1; // misaligned and unmapped
    auto const addps = {u8{0x0f}, u8{0x58}, u8{0x0b}};
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::EM>(1).with<Cr0::TS>(1);
    EXPECT_EQ(m.execute(addps), ud);
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::EM>(0);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSFXSR>(0);
    EXPECT_EQ(m.execute(addps), ud);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSFXSR>(1);
    EXPECT_EQ(m.execute(addps), nm);
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::TS>(0);
    EXPECT_EQ(m.execute(addps), gp);
    m.reg(ebx) = m.data;
    EXPECT_EQ(m.execute(addps), Outcome::fault(Vector::pf, 0));
    EXPECT_EQ(m.v.mmu.fault_address().raw, m.data);
}

TEST(vector_faults, align_only_what_must_be_aligned) {
    VectorMachine m;
    m.reg(ebx) = m.data + 4;
    EXPECT_EQ(m.execute({0x0f, 0x28, 0x03}), gp);         // movaps xmm0, [ebx]
    EXPECT_EQ(m.execute({0x0f, 0x10, 0x03}), next);       // movups
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0x58, 0x03}), next); // addss
    EXPECT_EQ(m.execute({0xf2, 0x0f, 0xf0, 0x03}), next); // lddqu
    if (lacks(m, Feature::avx)) return;
    EXPECT_EQ(m.execute({0xc5, 0xf8, 0x58, 0x03}), next); // vaddps xmm0, xmm0, [ebx]
    EXPECT_EQ(m.execute({0xc5, 0xf8, 0x28, 0x03}), gp);   // vmovaps xmm0, [ebx]
    m.reg(ebx) = m.data + 16;
    EXPECT_EQ(m.execute({0xc5, 0xf8, 0x28, 0x03}), next);
    EXPECT_EQ(m.execute({0xc5, 0xfc, 0x28, 0x03}), gp); // vmovaps ymm0, [ebx]
}

TEST(vector_faults, respect_segment_limits) {
    VectorMachine m;
    m.set_limit(SegmentName::ds, 0x1000f);
    m.reg(ebx) = 0x10000;
    EXPECT_EQ(m.execute({0x0f, 0x28, 0x03}), next);
    m.reg(ebx) = 0x10010;
    EXPECT_EQ(m.execute({0x0f, 0x28, 0x03}), gp);
    m.set_limit(SegmentName::ss, 0xf);
    m.reg(ebp) = 8;
    EXPECT_EQ(m.execute({0x0f, 0x10, 0x45, 0x00}), Outcome::fault(Vector::ss, 0)); // movups xmm0, [ebp]
}

TEST(vector_faults, of_a_store_leave_everything_as_it_was) {
    VectorMachine m;
    m.enable_paging();
    m.make_read_only(m.page);
    m.fill_ymm(0, 7);
    m.reg(ebx) = m.page - 8; // crosses into the read-only page
    m.poke<u64>(m.page - 8, 0);
    ExtendedState const before = m.cpu.fpu;
    EXPECT_EQ(m.execute({0x0f, 0x11, 0x03}), Outcome::fault(Vector::pf, 3)); // movups [ebx], xmm0
    EXPECT_EQ(m.v.mmu.fault_address().raw, m.page);
    EXPECT_EQ(m.peek<u64>(m.page - 8), 0u);
    EXPECT_EQ(std::memcmp(&before, &m.cpu.fpu, sizeof before), 0);
}

TEST(vector_faults, xm_changes_only_the_exception_flags) {
    VectorMachine m;
    m.fx().mxcsr.raw = 0x1f80 & ~u32{0x200}; // zero divide unmasked
    m.set_xmm<float>(0, {1, 4, 1, 1});
    m.set_xmm<float>(1, {0, 2, 3, 1});
    EXPECT_EQ(m.execute({0x0f, 0x5e, 0xc1}), Outcome::fault(Vector::xm)); // divps xmm0, xmm1
    // Unmasked pre-computation exceptions of one element suppress the others' inexact flags.
    EXPECT_EQ(m.fx().mxcsr.raw & 0x3f, 4u);
    EXPECT_EQ(m.xmm<float>(0, 1), 4.0F);
    EXPECT_EQ(m.cpu.eip, m.code_start);
    m.cpu.cr4 = m.cpu.cr4.with<Cr4::OSXMMEXCPT>(0);
    EXPECT_EQ(m.execute({0x0f, 0x5e, 0xc1}), ud);
    m.fx().mxcsr.raw = 0x1f80;
    EXPECT_EQ(m.execute({0x0f, 0x5e, 0xc1}), next);
    EXPECT_EQ(m.xmm<float>(0, 1), 2.0F);
}

TEST(vector_faults, xm_comes_from_avx_and_conversions_to_mmx_too) {
    VectorMachine m;
    m.fx().mxcsr.raw = 0x1f80 & ~u32{0x80}; // invalid unmasked
    m.set_xmm<float>(1, {1e30F, 0, 0, 0});
    EXPECT_EQ(m.execute({0x0f, 0x2d, 0xc1}), Outcome::fault(Vector::xm)); // cvtps2pi mm0, xmm1
    EXPECT_EQ(m.fx().mxcsr.raw & 0x3f, 1u);
    EXPECT_EQ(m.fx().tags, 0u);
    if (lacks(m, Feature::avx)) return;
    m.fx().mxcsr.raw &= ~0x3fu;
    EXPECT_EQ(m.execute({0xc5, 0xf9, 0x5b, 0xd1}), Outcome::fault(Vector::xm)); // vcvtps2dq xmm2, xmm1
    EXPECT_EQ(m.fx().mxcsr.raw & 0x3f, 1u);
}

TEST(vector_faults, lock_is_never_allowed) {
    VectorMachine m;
    EXPECT_EQ(m.execute({0xf0, 0x0f, 0x58, 0xc1}), ud);
}

// ---- MMX

TEST(mmx, enters_the_x87_registers) {
    VectorMachine m;
    EXPECT_EQ(m.execute({0xd9, 0xe8}), next); // fld1: top is 7
    m.reg(eax) = 0x0102'0304;
    EXPECT_EQ(m.execute({0x0f, 0x6e, 0xd0}), next); // movd mm2, eax
    EXPECT_EQ(m.top(), 0u);
    EXPECT_EQ(m.fx().tags, 0xff);
    EXPECT_EQ(m.fx().st[2].significand, 0x0102'0304u);
    EXPECT_EQ(m.fx().st[2].exponent, 0xffff);
    EXPECT_EQ(m.fx().st[7].exponent, 0x3fff);       // physical register 7 still holds 1.0
    EXPECT_EQ(m.execute({0x0f, 0xfc, 0xd2}), next); // paddb mm2, mm2
    EXPECT_EQ(m.fx().st[2].significand, 0x0204'0608u);
    EXPECT_EQ(m.execute({0x0f, 0x77}), next); // emms
    EXPECT_EQ(m.fx().tags, 0u);
}

TEST(mmx, waits_for_pending_x87_errors) {
    VectorMachine m;
    m.fx().fcw.raw = 0x340;
    m.fx().fsw.raw = 0x8081;
    EXPECT_EQ(m.execute({0x0f, 0xfc, 0xd2}), Outcome::fault(Vector::mf));
    EXPECT_EQ(m.execute({0x0f, 0x77}), Outcome::fault(Vector::mf));
    EXPECT_EQ(m.execute({0x0f, 0x58, 0xc1}), next); // addps does not
    m.cpu.cr0 = m.cpu.cr0.with<Cr0::EM>(1);
    EXPECT_EQ(m.execute({0x0f, 0xfc, 0xd2}), ud);
}

} // namespace
} // namespace ring3
