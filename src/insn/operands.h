// What the row says about the operands of one decoded instruction: sizes, accesses, which general registers.
//
// The interpreter's integer routines need little of it (Insn's own fields suffice); the runner of x87 and vector
// instructions needs all: it fetches the memory operand itself and re-points general registers at ones of its own.
#pragma once

#include "insn/insn.h"

namespace ring3::insn {

/// Exact size in bytes of the ModRM or moffs memory operand; 0 if there is none, if only its address counts (LEA,
/// INVLPG, prefetches), or if the size is not in the instruction (XSAVE family: XCR0 and EDX:EAX decide).
/// Gathers: the size of one element.
unsigned memory_bytes(Insn const& insn);

/// How the memory operand is accessed; none if there is no memory operand.
Access memory_access(Insn const& insn);

/// What the memory operand's linear address must be a multiple of, or #GP(0) (SDM 2A 2.4: legacy SSE 16-byte operands,
/// VMOVAPS and its like by their size); 1: no demand. FXSAVE and XSAVE areas are their routines' own business.
unsigned memory_alignment(Insn const& insn);

/// The one general register that a vector instruction names in a field of its encoding: MOVD, PEXTRx, PINSRx, CVTxx2SI,
/// CVTSI2xx, MOVMSKx, PMOVMSKB. All these are 32-bit registers in 32-bit code.
struct GprUse {
    enum class Field : u8 { none, modrm_reg, modrm_rm, vex_vvvv };
    Field field{Field::none};
    RegRef ref{};
    Access access{Access::none};
    u8 width{4};
    explicit operator bool() const { return field != Field::none; }
};
GprUse gpr_use(Insn const& insn);

/// General registers that a vector instruction uses without naming them: PCMPESTRI/M read EAX and EDX, PCMPESTRI and
/// PCMPISTRI write ECX.
struct ImplicitGprs {
    bool reads_eax_edx{}, writes_ecx{};
};
ImplicitGprs implicit_gprs(Insn const& insn);

/// Flags that a shift or rotate leaves undefined for this count (as the instruction gives it, not yet masked): exact,
/// where the row's column can only say what some counts do. 0 for other instructions than those.
FlagMask undefined_after_shift(Insn const& insn, unsigned count);

/// The segment register that is an operand: of MOV Sw, PUSH and POP of one, and of LDS, LES, LSS, LFS, LGS.
SegmentIndex segment_operand(Insn const& insn);

/// The general register in VEX.vvvv, of BMI instructions.
inline RegRef vvvv_ref(Insn const& insn) {
    return static_cast<RegRef>(insn.vvvv * 8);
}

/// The vector register that is a gather's index.
inline u8 vsib_index(Insn const& insn) {
    return (insn.bytes[insn.modrm_offset + 1] >> 3) & 7;
}

/// The condition of Jcc, SETcc and CMOVcc (SDM 2D B.1.4.7): 0 O, 1 NO, 2 B, 3 NB, 4 Z, 5 NZ, 6 BE, 7 NBE, 8 S ...
inline u8 condition_of(Insn const& insn) {
    return insn.def->opcode & 15;
}

/// The vector exception checks of SDM 2A 2.4 apply, XCR0 and CR4.OSXSAVE included: VEX forms other than BMI's.
inline bool is_avx(Insn const& insn) {
    return insn.vex && insn.def->vector != VectorType::none;
}

} // namespace ring3::insn
