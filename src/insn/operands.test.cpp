#include "insn/operands.h"

#include "insn/decoder.h"
#include "insn/disassemble.h"

#include <gtest/gtest.h>

#include <vector>

namespace ring3::insn {
namespace {

Insn decoded(std::vector<u8> const& bytes) {
    Insn insn;
    EXPECT_EQ(decode(bytes, 4, true, insn), DecodeStatus::ok);
    EXPECT_EQ(insn.length, bytes.size());
    return insn;
}

TEST(MemoryBytes, of_save_areas_follow_the_operand_size) {
    EXPECT_EQ(memory_bytes(decoded({0xd9, 0x23})), 28u) << "fldenv";
    EXPECT_EQ(memory_bytes(decoded({0x66, 0xd9, 0x33})), 14u) << "fnstenv";
    EXPECT_EQ(memory_bytes(decoded({0xdd, 0x33})), 108u) << "fnsave";
    EXPECT_EQ(memory_bytes(decoded({0x66, 0xdd, 0x23})), 94u) << "frstor";
    EXPECT_EQ(memory_bytes(decoded({0x0f, 0xae, 0x03})), 512u) << "fxsave";
    EXPECT_EQ(memory_bytes(decoded({0x0f, 0xae, 0x23})), 0u) << "xsave";
}

TEST(MemoryBytes, of_pointers_and_tables) {
    EXPECT_EQ(memory_bytes(decoded({0xff, 0x2b})), 6u);
    EXPECT_EQ(memory_bytes(decoded({0x66, 0xff, 0x2b})), 4u);
    EXPECT_EQ(memory_bytes(decoded({0x62, 0x03})), 8u);
    EXPECT_EQ(memory_bytes(decoded({0x0f, 0x01, 0x13})), 6u);
    EXPECT_EQ(memory_bytes(decoded({0x8d, 0x03})), 0u) << "lea";
}

TEST(MemoryBytes, of_vectors_are_exact) {
    EXPECT_EQ(memory_bytes(decoded({0xf3, 0x0f, 0x58, 0x03})), 4u) << "addss";
    EXPECT_EQ(memory_bytes(decoded({0x0f, 0x60, 0x03})), 4u) << "punpcklbw mm";
    EXPECT_EQ(memory_bytes(decoded({0x66, 0x0f, 0x38, 0x22, 0x03})), 2u) << "pmovsxbq";
    EXPECT_EQ(memory_bytes(decoded({0xc4, 0xe2, 0x7d, 0x22, 0x03})), 4u) << "vpmovsxbq ymm";
    EXPECT_EQ(memory_bytes(decoded({0xc5, 0xfc, 0x58, 0x03})), 32u) << "vaddps ymm";
    EXPECT_EQ(memory_bytes(decoded({0xc5, 0xfd, 0xd1, 0x03})), 16u) << "vpsrlw ymm, ymm, m128";
}

TEST(MemoryAlignment, holds_for_legacy_forms_and_for_aligned_moves) {
    EXPECT_EQ(memory_alignment(decoded({0x0f, 0x58, 0x03})), 16u);
    EXPECT_EQ(memory_alignment(decoded({0x0f, 0x58, 0xc3})), 1u) << "registers";
    EXPECT_EQ(memory_alignment(decoded({0x0f, 0x10, 0x03})), 1u) << "movups";
    EXPECT_EQ(memory_alignment(decoded({0xc5, 0xf8, 0x58, 0x03})), 1u) << "vaddps";
    EXPECT_EQ(memory_alignment(decoded({0xc5, 0xfc, 0x28, 0x03})), 32u) << "vmovaps ymm";
    EXPECT_EQ(memory_alignment(decoded({0x66, 0x0f, 0xe7, 0x03})), 16u) << "movntdq";
    EXPECT_EQ(memory_alignment(decoded({0x66, 0x0f, 0x2d, 0x03})), 16u) << "cvtpd2pi";
    EXPECT_EQ(memory_alignment(decoded({0x66, 0x0f, 0x2a, 0x03})), 1u) << "cvtpi2pd";
}

TEST(GprUse, names_the_field_and_the_register) {
    GprUse const from_rm = gpr_use(decoded({0x66, 0x0f, 0x6e, 0xcb})); // movd xmm1, ebx
    EXPECT_EQ(from_rm.field, GprUse::Field::modrm_rm);
    EXPECT_EQ(from_rm.ref, 24);
    EXPECT_EQ(from_rm.access, Access::read);
    GprUse const to_reg = gpr_use(decoded({0xf2, 0x0f, 0x2d, 0x0b})); // cvtsd2si ecx, [ebx]
    EXPECT_EQ(to_reg.field, GprUse::Field::modrm_reg);
    EXPECT_EQ(to_reg.ref, 8);
    EXPECT_EQ(to_reg.access, Access::write);
    EXPECT_FALSE(gpr_use(decoded({0x66, 0x0f, 0x6e, 0x0b}))) << "movd from memory";
    EXPECT_FALSE(gpr_use(decoded({0x0f, 0x58, 0xcb}))) << "addps";
}

TEST(GprUse, string_compares_use_registers_that_they_do_not_name) {
    ImplicitGprs const pcmpestri = implicit_gprs(decoded({0x66, 0x0f, 0x3a, 0x61, 0xc1, 0x00}));
    EXPECT_TRUE(pcmpestri.reads_eax_edx && pcmpestri.writes_ecx);
    ImplicitGprs const pcmpistrm = implicit_gprs(decoded({0x66, 0x0f, 0x3a, 0x62, 0xc1, 0x00}));
    EXPECT_FALSE(pcmpistrm.reads_eax_edx || pcmpistrm.writes_ecx);
}

TEST(SegmentOperand, comes_from_modrm_or_from_the_opcode) {
    EXPECT_EQ(segment_operand(decoded({0x8e, 0xd0})), SegmentIndex::ss);
    EXPECT_EQ(segment_operand(decoded({0x0e})), SegmentIndex::cs);
    EXPECT_EQ(segment_operand(decoded({0x0f, 0xa9})), SegmentIndex::gs);
    EXPECT_EQ(segment_operand(decoded({0x0f, 0xb4, 0x03})), SegmentIndex::fs);
    EXPECT_EQ(segment_operand(decoded({0xc4, 0x03})), SegmentIndex::es);
}

TEST(UndefinedAfterShift, depends_on_the_count) {
    Insn const shl8 = decoded({0xd2, 0xe3}), sar = decoded({0xd3, 0xfb}), rol = decoded({0xd3, 0xc3}),
               shld16 = decoded({0x66, 0x0f, 0xa5, 0xcb});
    EXPECT_EQ(undefined_after_shift(shl8, 0), 0);
    EXPECT_EQ(undefined_after_shift(shl8, 32), 0) << "counts are masked to five bits";
    EXPECT_EQ(undefined_after_shift(shl8, 1), flag::af);
    EXPECT_EQ(undefined_after_shift(shl8, 7), flag::af | flag::of);
    EXPECT_EQ(undefined_after_shift(shl8, 8), flag::af | flag::of | flag::cf);
    EXPECT_EQ(undefined_after_shift(sar, 31), flag::af | flag::of);
    EXPECT_EQ(undefined_after_shift(rol, 1), 0);
    EXPECT_EQ(undefined_after_shift(rol, 2), flag::of);
    EXPECT_EQ(undefined_after_shift(shld16, 16), flag::af | flag::of);
    EXPECT_EQ(undefined_after_shift(shld16, 17), flag::status);
}

TEST(Disassemble, is_intel_syntax) {
    EXPECT_EQ(disassemble(decoded({0x03, 0x43, 0x04}), 0), "add eax, [ebx+0x04]");
    EXPECT_EQ(disassemble(decoded({0xeb, 0xfe}), 0x1000), "jmp 0x00001000");
    EXPECT_EQ(disassemble(decoded({0xc5, 0xf0, 0x58, 0xc2}), 0), "vaddps xmm0, xmm1, xmm2");
    EXPECT_EQ(disassemble(decoded({0x66, 0x67, 0x03, 0x07}), 0), "add ax, [bx]");
}

} // namespace
} // namespace ring3::insn
