// The decoder: guest bytes to Insn (SDM 2A 2.1-2.3).
//
// What a routine finds in a decoded Insn. "E" is the operand that ModRM.rm names: a register if mod = 3, else memory.
//
//   operands of the row                       shape     dst                src              imm
//   ----------------------------------------  --------  -----------------  ---------------  --------------------------
//   Ev,Gv  Ew,Gw                              rr | mr   E (rr)             G
//   Gv,Ev  Gv,Ew  Gd,Eb  Gv,M                 rr | rm   G                  E (rr)
//   Ev,I   Ev,1  (shifts by 1: imm = 1)       ri | mi   E (ri)                              immediate
//   Ev,CL                                     rr | mr   E (rr)             CL
//   eAX,I  Zv,I                               ri        eAX, Z                              immediate
//   E, Zv alone (INC, PUSH, POP, NOT, MUL)    r  | m    the register       the same
//   I alone (PUSH, RET n, INT n, Jcc, AAM)    i                                             immediate, displacement
//   Gv,Ev,I  (IMUL)                           rr | rm   G                  E (rr)           immediate
//   Ev,Gv,Ib / Ev,Gv,CL  (SHLD, SHRD)         rr | mr   E (rr)             G                count; none if by CL:
//                                                                       def->operands[2].code == Code::CL says so
//   Zv,eAX  (XCHG)                            rr        Z                  eAX
//   AL,Ob  (MOV moffs)                        rm        AL, eAX                             address, see below
//   Ob,AL                                     mr                           AL, eAX          address
//   IN, OUT with an immediate port            ri        AL, eAX            the same         port
//   IN, OUT with the port in DX               rr        AL, eAX            the same
//   Ap  (far JMP, CALL)                       i         imm = offset, imm2 = selector
//   Mp  (far JMP, CALL)                       m
//   Gv,Mp  (LDS, LES, LSS, LFS, LGS)          rm        G                  (segment_operand() says which segment)
//   Iw,Ib  (ENTER)                            i         imm = bytes, imm2 = level
//   Rd,Cd  Cd,Rd  Rd,Dd  Dd,Rd                r         the general register; CR or DR number = reg(); mod is ignored
//   MOV E,Sw  Sw,E;  SLDT, STR, SMSW          r  | m    the general register; segment_operand() for MOV
//   PUSH/POP of a segment register            none      segment_operand()
//   Gd,By,Ed (ANDN, MULX, PDEP, PEXT)         rr | rm   G                  E (rr)           vvvv_ref() is the other one
//   Gd,Ed,By (BEXTR, BZHI, SARX, SHLX, SHRX)  rr | rm   G                  E (rr)           vvvv_ref()
//   By,Ed    (BLSI, BLSMSK, BLSR)             rr | rm   the vvvv register  E (rr)
//   strings, XLAT, PUSHA, IRET, RET, CBW ...  none
//   x87, MMX, SSE, AVX                        m if there is a memory operand, else none: see operands.h
//
// width         size of the main operand: of dst (or of the memory operand where memory is the destination, or of the
//               strings' elements); the operand size for stack, branch, far pointer and descriptor-table operations and
//               for CBW/CWDE and CWD/CDQ; 4 for CR and DR. SLDT, STR, SMSW and MOV E,Sw: the operand size to a register,
//               2 to memory. Vectors: 8 (MMX), 16 or 32 (VEX.L). x87: the size of the memory operand.
// source_width  size of the E or M operand where that is the source (MOVZX 1 or 2, LAR 2, CRC32 1, 2, 4); else = width.
// imm           Ib and Iw zero-extended; Ibs, Iz, Jb, Jz sign-extended to 64 bits from the size they have in the code.
// segment       of the memory operand, override applied. Strings: that of the source (DS:eSI); the destination is
//               always ES:eDI. XLAT, MASKMOVQ/DQU: that of DS:eBX, DS:eDI.
// has_memory    there is a ModRM or moffs memory operand, and base, index, scale, displacement hold its address. Strings,
//               XLAT and MASKMOV have it clear: their address is in registers (address_width says how wide).
//               moffs: base and index are no_register, the address is in displacement (and, zero-extended, in imm).
//               A gather's index is a vector register: index is no_register, see vsib_index(). Base and index of
//               16-bit forms are full register numbers: the sum is cut to address_width as a whole.
// rep, repne    which of F3 and F2 came last, if any: REP prefix or mandatory prefix alike.
// lock          only where LOCK is legal.
// condition     of Jcc, SETcc, CMOVcc: condition_of(), the opcode's low four bits.
//
// Rows overlap in one way only: TZCNT and LZCNT (F3) lie over BSF and BSR. On a processor without the feature they
// execute as BSF and BSR. All other rows whose feature is missing raise #UD.
#pragma once

#include "insn/insn.h"

#include <array>
#include <span>

namespace ring3::insn {

enum class DecodeStatus : u8 {
    ok,
    truncated,   // the bytes end before the instruction does: the caller fetches the next page, or faults
    too_long,    // more than 15 bytes: #GP(0)
    invalid,     // no row: #UD
    illegal_lock // LOCK where it is not allowed: #UD
};

/// SDM 2A 2.3.11, 3A 6.15 (#GP): no instruction is longer, redundant prefixes included.
inline constexpr unsigned max_length = 15;

/// Decodes the instruction at the start of `bytes` (15 bytes always suffice; more are not looked at).
/// `default_size` is 2 or 4: CS.D; real and virtual-8086 mode use 2. VEX encodings exist in protected mode only, so
/// `allow_vex` is false there: C4/C5 are then LES/LDS or #UD by ModRM.mod.
/// CPUID features are not checked here: InsnDef::feature is the caller's to hold against the CPU model.
/// `insn` is whole only after ok.
DecodeStatus decode(std::span<u8 const> bytes, unsigned default_size, bool allow_vex, Insn& insn);

/// The bytes of an instruction that begins at the end of `head` and goes on in `tail`, which lies elsewhere: on the next
/// page of code.
class JoinedBytes {
public:
    JoinedBytes(std::span<u8 const> head, std::span<u8 const> tail);
    std::span<u8 const> all() const { return {bytes_.data(), size_}; }

private:
    std::array<u8, max_length> bytes_{};
    std::size_t size_{};
};

/// The instruction's mnemonic, lower case, as in the manual: "add", "fnstsw", "vpaddd".
std::string_view name(Insn const& insn);

/// All rows, table by table.
std::span<InsnDef const> all_rows();

} // namespace ring3::insn
