#include "monitor/interpreter/test_machine.h"

#include <gtest/gtest.h>

using namespace ring3;

namespace {

constexpr u32 cf = 1, zf = 0x40, of = 0x800;

TEST(IntegerBits, a_bit_offset_in_a_register_reaches_beyond_the_memory_operand) {
    TestMachine m;
    m.reg(eax) = 100;
    EXPECT_EQ(m.execute({0x0f, 0xab, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // bts [0x3000], eax
    EXPECT_EQ(m.peek<u32>(0x300c), 1u << 4);
    EXPECT_EQ(m.flags() & cf, 0u);
    m.reg(eax) = static_cast<u32>(-1);
    m.poke<u32>(0x2ffc, 0x8000'0000);
    EXPECT_EQ(m.execute({0x0f, 0xb3, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // btr [0x3000], eax
    EXPECT_EQ(m.peek<u32>(0x2ffc), 0u);
    EXPECT_EQ(m.flags() & cf, cf);
    m.reg(eax) = 0xffff'fff0;                                                          // as a word: -16
    EXPECT_EQ(m.execute({0x66, 0x0f, 0xbb, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // btc word [0x3000], ax
    EXPECT_EQ(m.peek<u16>(0x2ffe), 1u);
}

TEST(IntegerBits, an_immediate_bit_offset_stays_within_the_operand) {
    TestMachine m;
    m.poke<u32>(0x3000, 8);
    EXPECT_EQ(m.execute({0x0f, 0xba, 0x25, 0x00, 0x30, 0, 0, 35}), Outcome::next()); // bt dword [0x3000], 35
    EXPECT_EQ(m.flags() & cf, cf);
    EXPECT_EQ(m.execute({0x0f, 0xba, 0x3d, 0x00, 0x30, 0, 0, 35}), Outcome::next()); // btc dword [0x3000], 35
    EXPECT_EQ(m.peek<u32>(0x3000), 0u);
}

TEST(IntegerBits, bit_strings_wrap_by_address_size) {
    TestMachine m{TestMode::real};
    m.reg(ebx) = 0xfffe;
    m.reg(eax) = 16;
    EXPECT_EQ(m.execute({0x0f, 0xab, 0x07}), Outcome::next()); // bts [bx], ax
    EXPECT_EQ(m.peek<u16>(0), 1u);
}

TEST(IntegerBits, bt_needs_no_write_permission_and_bts_does) {
    TestMachine m;
    m.enable_paging();
    m.make_read_only(0x3000);
    m.reg(eax) = 0;
    EXPECT_EQ(m.execute({0x0f, 0xa3, 0x05, 0x00, 0x30, 0, 0}), Outcome::next());               // bt [0x3000], eax
    EXPECT_EQ(m.execute({0x0f, 0xab, 0x05, 0x00, 0x30, 0, 0}), Outcome::fault(Vector::pf, 3)); // bts
}

TEST(IntegerBits, scans_and_counts) {
    TestMachine m;
    m.reg(ebx) = 0x0010'0000;
    m.reg(eax) = 99;
    EXPECT_EQ(m.execute({0x0f, 0xbc, 0xc3}), Outcome::next()); // bsf eax, ebx
    EXPECT_EQ(m.reg(eax), 20u);
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0xbd, 0xc3}), Outcome::next()); // lzcnt eax, ebx
    EXPECT_EQ(m.reg(eax), 11u);
    m.reg(ebx) = 0;
    EXPECT_EQ(m.execute({0x0f, 0xbd, 0xc3}), Outcome::next()); // bsr eax, ebx
    EXPECT_EQ(m.reg(eax), 11u) << "a zero source leaves the destination alone";
    EXPECT_EQ(m.flags() & zf, zf);
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0xbc, 0xc3}), Outcome::next()); // tzcnt eax, ebx
    EXPECT_EQ(m.reg(eax), 32u);
    EXPECT_EQ(m.flags() & cf, cf);
    m.reg(ebx) = 0xf00f;
    EXPECT_EQ(m.execute({0x66, 0xf3, 0x0f, 0xb8, 0xc3}), Outcome::next()); // popcnt ax, bx
    EXPECT_EQ(m.reg(eax), 8u);
}

TEST(IntegerBits, an_old_processor_takes_tzcnt_and_lzcnt_for_bsf_and_bsr_and_refuses_the_rest) {
    TestMachine m{TestMode::flat32, "pentium3"};
    m.reg(ebx) = 0x0010'0000;
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0xbd, 0xc3}), Outcome::next()); // bsr eax, ebx
    EXPECT_EQ(m.reg(eax), 20u);
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0xb8, 0xc3}), Outcome::fault(Vector::ud)); // popcnt
    EXPECT_EQ(m.execute({0x0f, 0x38, 0xf0, 0x03}), Outcome::fault(Vector::ud)); // movbe
}

TEST(IntegerBits, byte_swaps) {
    TestMachine m;
    m.reg(eax) = 0x1122'3344;
    EXPECT_EQ(m.execute({0x0f, 0xc8}), Outcome::next()); // bswap eax
    EXPECT_EQ(m.reg(eax), 0x4433'2211u);
    EXPECT_EQ(m.execute({0x0f, 0x38, 0xf1, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // movbe [0x3000], eax
    EXPECT_EQ(m.peek<u32>(0x3000), 0x1122'3344u);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0x38, 0xf0, 0x05, 0x00, 0x30, 0, 0}), Outcome::next()); // movbe ax, [0x3000]
    EXPECT_EQ(m.reg(eax), 0x4433'4433u);
}

TEST(IntegerBits, crc32_takes_sources_of_three_widths) {
    TestMachine m;
    m.reg(eax) = 0xffff'ffff;
    m.poke<u32>(0x3000, 0x3433'3231);                                                              // "1234"
    m.poke<u32>(0x3004, 0x3837'3635);                                                              // "5678"
    m.poke<u8>(0x3008, 0x39);                                                                      // "9"
    EXPECT_EQ(m.execute({0xf2, 0x0f, 0x38, 0xf1, 0x05, 0x00, 0x30, 0, 0}), Outcome::next());       // crc32 eax, dword
    EXPECT_EQ(m.execute({0x66, 0xf2, 0x0f, 0x38, 0xf1, 0x05, 0x04, 0x30, 0, 0}), Outcome::next()); // crc32 eax, word
    EXPECT_EQ(m.execute({0x66, 0xf2, 0x0f, 0x38, 0xf1, 0x05, 0x06, 0x30, 0, 0}), Outcome::next());
    EXPECT_EQ(m.execute({0xf2, 0x0f, 0x38, 0xf0, 0x05, 0x08, 0x30, 0, 0}), Outcome::next()); // crc32 eax, byte
    EXPECT_EQ(static_cast<u32>(~m.reg(eax)), 0xe306'9283u) << "the check value of CRC-32C";
}

TEST(IntegerBits, adcx_and_adox_carry_in_separate_flags) {
    TestMachine m;
    m.reg(eax) = 0xffff'ffff;
    m.reg(ebx) = 1;
    m.set_flags(of | zf);
    EXPECT_EQ(m.execute({0x66, 0x0f, 0x38, 0xf6, 0xc3}), Outcome::next()); // adcx eax, ebx
    EXPECT_EQ(m.reg(eax), 0u);
    EXPECT_EQ(m.flags() & Eflags::status, cf | of | zf);
    EXPECT_EQ(m.execute({0xf3, 0x0f, 0x38, 0xf6, 0xc3}), Outcome::next()); // adox eax, ebx
    EXPECT_EQ(m.reg(eax), 2u);
    EXPECT_EQ(m.flags() & Eflags::status, cf | zf);
}

TEST(IntegerBits, vex_encoded_instructions_name_three_registers) {
    TestMachine m;
    m.reg(ebx) = 0x0000'ff00;
    m.reg(ecx) = 0x1234'5678;
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x60, 0xf2, 0xc1}), Outcome::next()); // andn eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0x1234'0078u);
    m.reg(ebx) = 0x5;
    m.reg(ecx) = 0x0f0;
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x63, 0xf5, 0xc1}), Outcome::next()); // pdep eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0x50u);
    m.reg(ebx) = 0xab;
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x62, 0xf5, 0xc1}), Outcome::next()); // pext eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0xau);
    m.reg(ebx) = 0x1234'5678;
    m.reg(ecx) = 0x0808;                                                   // start 8, length 8
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x70, 0xf7, 0xc3}), Outcome::next()); // bextr eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0x56u);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x70, 0xf5, 0xc3}), Outcome::next()); // bzhi eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0x78u);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x78, 0xf3, 0xdb}), Outcome::next()); // blsi eax, ebx
    EXPECT_EQ(m.reg(eax), 8u);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x78, 0xf3, 0xcb}), Outcome::next()); // blsr eax, ebx
    EXPECT_EQ(m.reg(eax), 0x1234'5670u);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x71, 0xf7, 0xc3}), Outcome::next()); // shlx eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0x3456'7800u);
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x72, 0xf7, 0xc3}), Outcome::next()); // sarx eax, ebx, ecx
    EXPECT_EQ(m.reg(eax), 0x0012'3456u);
    EXPECT_EQ(m.execute({0xc4, 0xe3, 0x7b, 0xf0, 0xc3, 4}), Outcome::next()); // rorx eax, ebx, 4
    EXPECT_EQ(m.reg(eax), 0x8123'4567u);
    m.reg(edx) = 0x1000'0000;
    EXPECT_EQ(m.execute({0xc4, 0xe2, 0x73, 0xf6, 0xc3}), Outcome::next()); // mulx eax, ecx, ebx
    EXPECT_EQ(m.reg(eax), 0x0123'4567u);
    EXPECT_EQ(m.reg(ecx), 0x8000'0000u);
}

} // namespace
