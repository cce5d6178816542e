#include "monitor/cpu/dump.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

TEST(Dump, shows_registers_segments_and_flags) {
    GuestCpu cpu{};
    cpu.gpr[ebx] = 0x1234'5678;
    cpu.eflags.raw = 0x246;
    cpu.seg(SegmentName::cs) = Segment::from_descriptor({{8}}, {0x00cf'9b00'0000'ffff});
    std::string const text = dump_registers(cpu, true);
    EXPECT_NE(text.find("EBX=12345678"), std::string::npos);
    EXPECT_NE(text.find("EFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n"), std::string::npos);
    EXPECT_NE(text.find("CS =0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]\n"), std::string::npos);
}

TEST(Dump, marks_the_byte_at_eip) {
    u8 const bytes[] = {0x90, 0x0f, 0x0b};
    EXPECT_EQ(dump_code(bytes, 1), "Code=90 <0f> 0b\n");
    EXPECT_EQ(dump_code({}, 0), "Code=\n");
}

} // namespace
} // namespace ring3
