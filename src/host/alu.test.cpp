// The host's instructions against the manual's definitions of their flags, worked out independently in plain integers.
#include "host/alu.h"
#include "host/alu_bits.h"
#include "host/alu_multiply.h"

#include <bit>
#include <gtest/gtest.h>

using namespace ring3;
using namespace ring3::host;

namespace {

constexpr u32 cf = 1, pf = 4, af = 0x10, zf = 0x40, sf = 0x80, of = 0x800;
constexpr u32 others = 0x3'7702; // flags that no operation here may touch, and the fixed one

u32 sign_zero_parity(u8 result) {
    return (result == 0 ? zf : 0) | ((result & 0x80) != 0 ? sf : 0) | (std::popcount(result) % 2 == 0 ? pf : 0);
}
/// Flags of a + b + carry (or a - b - carry) in eight bits, by the definitions of SDM 1 3.4.3.1.
u32 sum_flags(u8 a, u8 b, unsigned carry, int direction) {
    int const in = static_cast<int>(carry);
    int const exact = a + direction * (b + in);
    int const exact_signed = static_cast<i8>(a) + direction * (static_cast<i8>(b) + in);
    int const exact_low = (a & 15) + direction * ((b & 15) + in);
    auto const result = static_cast<u8>(exact);
    return sign_zero_parity(result) | (exact != result ? cf : 0) | (exact_signed != static_cast<i8>(result) ? of : 0) |
           (exact_low < 0 || exact_low > 15 ? af : 0);
}

template <class F> void for_all_bytes(F f) {
    for (unsigned a = 0; a < 256; ++a)
        for (unsigned b = 0; b < 256; ++b) f(static_cast<u8>(a), static_cast<u8>(b));
}

TEST(Alu, sums_and_differences_set_flags_as_the_manual_defines_them) {
    for_all_bytes([](u8 a, u8 b) {
        for (u32 carry : {0u, cf}) {
            u32 const before = others | carry | of | zf;
            u32 flags = before;
            ASSERT_EQ(Add{}(a, b, flags), static_cast<u8>(a + b));
            ASSERT_EQ(flags, others | sum_flags(a, b, 0, 1));
            flags = before;
            ASSERT_EQ(Adc{}(a, b, flags), static_cast<u8>(a + b + static_cast<int>(carry)));
            ASSERT_EQ(flags, others | sum_flags(a, b, carry, 1));
            flags = before;
            ASSERT_EQ(Sub{}(a, b, flags), static_cast<u8>(a - b));
            ASSERT_EQ(flags, others | sum_flags(a, b, 0, -1));
            flags = before;
            ASSERT_EQ(Sbb{}(a, b, flags), static_cast<u8>(a - b - static_cast<int>(carry)));
            ASSERT_EQ(flags, others | sum_flags(a, b, carry, -1));
        }
    });
}

TEST(Alu, logic_clears_carry_and_overflow) {
    for_all_bytes([](u8 a, u8 b) {
        u32 flags = others | cf | of;
        ASSERT_EQ(And{}(a, b, flags), a & b);
        ASSERT_EQ(flags & ~af, others | sign_zero_parity(a & b));
        ASSERT_EQ(Or{}(a, b, flags), a | b);
        ASSERT_EQ(flags & ~af, others | sign_zero_parity(a | b));
        ASSERT_EQ(Xor{}(a, b, flags), a ^ b);
        ASSERT_EQ(flags & ~af, others | sign_zero_parity(a ^ b));
    });
}

TEST(Alu, inc_and_dec_keep_carry_and_neg_does_not) {
    for (unsigned i = 0; i < 256; ++i)
        for (u32 carry : {0u, cf}) {
            auto const a = static_cast<u8>(i);
            u32 flags = others | carry;
            ASSERT_EQ(Inc{}(a, flags), static_cast<u8>(a + 1));
            ASSERT_EQ(flags, others | carry | (sum_flags(a, 1, 0, 1) & ~cf));
            flags = others | carry;
            ASSERT_EQ(Dec{}(a, flags), static_cast<u8>(a - 1));
            ASSERT_EQ(flags, others | carry | (sum_flags(a, 1, 0, -1) & ~cf));
            flags = others | carry;
            ASSERT_EQ(Neg{}(a, flags), static_cast<u8>(-a));
            ASSERT_EQ(flags, others | sum_flags(0, a, 0, -1));
            ASSERT_EQ(Not{}(a, flags), static_cast<u8>(~a));
        }
}

TEST(Alu, wider_operands_use_their_own_sign_bit) {
    u32 flags = others;
    EXPECT_EQ(Add{}(u16{0x7fff}, u16{1}, flags), 0x8000);
    EXPECT_EQ(flags, others | of | sf | pf | af);
    EXPECT_EQ(Sub{}(0u, 1u, flags), 0xffff'ffffu);
    EXPECT_EQ(flags, others | cf | sf | pf | af);
    EXPECT_EQ(Add{}(0xffff'ffffu, 1u, flags), 0u);
    EXPECT_EQ(flags, others | cf | zf | pf | af);
}

TEST(Alu, shifts_by_zero_leave_all_flags) {
    for (u32 status : {0u, cf | pf | af | zf | sf | of, cf | of, zf | af}) {
        u32 flags = others | status;
        EXPECT_EQ(Shl{}(u8{0x81}, u8{32}, flags), 0x81);
        EXPECT_EQ(Sar{}(u32{0x81}, u8{0}, flags), 0x81u);
        EXPECT_EQ(Rol{}(u16{0x81}, u8{64}, flags), 0x81);
        EXPECT_EQ(Rcr{}(u32{0x81}, u8{0}, flags), 0x81u);
        EXPECT_EQ(Shld{}(u32{0x81}, u32{5}, u8{32}, flags), 0x81u);
        EXPECT_EQ(flags, others | status);
    }
}

TEST(Alu, shifts_move_the_last_bit_into_carry) {
    for (unsigned i = 0; i < 256; ++i)
        for (u8 count = 1; count < 8; ++count) {
            auto const a = static_cast<u8>(i);
            u32 flags = others;
            u8 result = Shl{}(a, count, flags);
            ASSERT_EQ(result, static_cast<u8>(a << count));
            ASSERT_EQ(flags & (cf | sf | zf | pf), sign_zero_parity(result) | ((a >> (8 - count)) & 1u));
            result = Shr{}(a, count, flags);
            ASSERT_EQ(result, a >> count);
            ASSERT_EQ(flags & (cf | sf | zf | pf), sign_zero_parity(result) | ((a >> (count - 1)) & 1u));
            result = Sar{}(a, count, flags);
            ASSERT_EQ(result, static_cast<u8>(static_cast<i8>(a) >> count));
            ASSERT_EQ(flags & (cf | sf | zf | pf), sign_zero_parity(result) | ((a >> (count - 1)) & 1u));
        }
}

TEST(Alu, rotates_through_carry_use_nine_bits_of_a_byte) {
    for (unsigned i = 0; i < 512; ++i)
        for (u8 count = 0; count < 32; ++count) {
            u32 flags = others | (i >> 8);
            unsigned const turns = count % 9u;
            unsigned const expected = ((i << turns) | (i >> (9 - turns))) & 0x1ff;
            u8 const result = Rcl{}(static_cast<u8>(i), count, flags);
            ASSERT_EQ(result, expected & 0xff);
            ASSERT_EQ(flags & (cf | sf | zf | af | pf), expected >> 8);
        }
}

TEST(Alu, double_shifts_fill_from_the_second_operand) {
    u32 flags = others;
    EXPECT_EQ(Shld{}(u32{0x1234'5678}, u32{0x9abc'def0}, u8{8}, flags), 0x3456'789au);
    EXPECT_EQ(Shrd{}(u32{0x1234'5678}, u32{0x9abc'def0}, u8{8}, flags), 0xf012'3456u);
    EXPECT_EQ(Shld{}(u16{0x1234}, u16{0x5678}, u8{4}, flags), 0x2345);
}

TEST(Alu, products_tell_by_carry_whether_the_upper_half_matters) {
    for_all_bytes([](u8 a, u8 b) {
        u32 flags = others;
        ASSERT_EQ(Mul{}(u16{a}, b, flags), a * b);
        ASSERT_EQ(flags & (cf | of), a * b > 255 ? cf | of : 0);
        int const product = static_cast<i8>(a) * static_cast<i8>(b);
        ASSERT_EQ(ImulWide{}(u16{a}, b, flags), static_cast<u16>(product));
        ASSERT_EQ(flags & (cf | of), product != static_cast<i8>(product) ? cf | of : 0);
    });
    u32 flags = others;
    EXPECT_EQ(Mul{}(u32{0xffff}, u16{0xffff}, flags), 0xfffe'0001u);
    EXPECT_EQ(Mul{}(u64{0xffff'ffff}, 0xffff'ffffu, flags), 0xffff'fffe'0000'0001u);
    EXPECT_EQ(Imul{}(u32{0x10000}, u32{0x10000}, flags), 0u);
    EXPECT_EQ(flags & (cf | of | ~0xfffu), cf | of | (others & ~0xfffu));
}

TEST(Alu, division_is_refused_exactly_where_the_quotient_does_not_fit) {
    for (unsigned dividend = 0; dividend < 65536; dividend += 7)
        for (unsigned i = 0; i < 256; ++i) {
            auto const divisor = static_cast<u8>(i);
            auto const wide = static_cast<u16>(dividend);
            bool const fits = divisor != 0 && wide / divisor <= 255;
            ASSERT_EQ(division_overflows<u8>(wide, divisor), !fits);
            u32 flags = others;
            if (fits) {
                ASSERT_EQ(DivUnchecked{}(wide, divisor, flags), wide / divisor | (wide % divisor) << 8);
            }

            int const n = static_cast<i16>(wide);
            int const d = static_cast<i8>(divisor);
            bool const signed_fits = d != 0 && n / d >= -128 && n / d <= 127;
            ASSERT_EQ(signed_division_overflows<u8>(wide, divisor), !signed_fits) << n << " / " << d;
            if (signed_fits) {
                ASSERT_EQ(IdivUnchecked{}(wide, divisor, flags), static_cast<u16>((n / d & 0xff) | (n % d) << 8));
            }
        }
}

TEST(Alu, division_of_the_most_negative_dividend_is_refused) {
    EXPECT_TRUE(signed_division_overflows<u32>(u64{1} << 63, 0xffff'ffffu));
    EXPECT_TRUE(signed_division_overflows<u32>(u64{1} << 63, 1));
    EXPECT_TRUE(signed_division_overflows<u16>(0x8000'0000u, 0xffff));
    EXPECT_FALSE(signed_division_overflows<u32>(0xffff'ffff'8000'0000u, 1)) << "-2^31 / 1 fits";
    EXPECT_TRUE(signed_division_overflows<u32>(0xffff'ffff'8000'0000u, 0xffff'ffffu)) << "-2^31 / -1 does not";
}

TEST(Alu, bit_scans_leave_the_destination_alone_for_zero) {
    u32 flags = others;
    EXPECT_EQ(Bsf{}(u32{77}, u32{0}, flags), 77u);
    EXPECT_NE(flags & zf, 0u);
    EXPECT_EQ(Bsr{}(u16{77}, u16{0x0800}, flags), 11u);
    EXPECT_EQ(flags & zf, 0u);
    EXPECT_EQ(Bsf{}(u32{77}, u32{0x0800}, flags), 11u);
}

TEST(Alu, bit_tests_copy_the_bit_to_carry_and_take_the_offset_modulo_the_width) {
    u32 flags = others | zf;
    EXPECT_EQ(Bts{}(u32{0}, u32{35}, flags), 8u);
    EXPECT_EQ(flags & (cf | zf), zf);
    EXPECT_EQ(Btr{}(u16{8}, u16{19}, flags), 0u);
    EXPECT_EQ(flags & (cf | zf), cf | zf);
    EXPECT_EQ(Btc{}(u32{8}, u32{4}, flags), 24u);
    EXPECT_EQ(Bt{}(u32{8}, u32{3}, flags), 8u);
    EXPECT_EQ(flags & cf, cf);
}

TEST(Alu, crc32_is_the_castagnoli_polynomial) {
    // The check value of CRC-32C: "123456789" gives E3069283H, with the usual inversion before and after.
    u32 crc = 0xffff'ffff;
    for (char c : {'1', '2', '3', '4', '5', '6', '7', '8', '9'}) crc = crc32<u8>(crc, static_cast<u8>(c));
    EXPECT_EQ(~crc, 0xe306'9283u);
}

} // namespace
