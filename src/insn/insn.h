// One instruction: as a row of the table (InsnDef) and as decoded from guest bytes (Insn).
//
// The table is the only place that says which encodings exist and what holds for them. The decoder, the interpreter,
// the tests against the host processor, the disassembly of dumps and (later) the scanner and patcher read the same rows:
//
//     guest bytes --decode()--> Insn { def -> row, operands as register references / address parts / immediates }
//
// Columns state facts, so that a reader can hold a row against the manual's page of that instruction.
#pragma once

#include "base/types.h"
#include "insn/op.h"

#include <array>
#include <string_view>

namespace ring3::insn {

/// Byte offset into the register file; see RegRef in monitor/cpu/state.h. AH is 1, EAX is 0, ECX is 8.
using RegRef = u8;

// ---- columns ---------------------------------------------------------------------------------------------------

/// The opcode maps (SDM 2 A.3; VEX.mmmmm).
enum class Map : u8 { one_byte, two_byte /* 0F */, map_0f38, map_0f3a };
/// The mandatory prefix that selects a row.
enum class Prefix : u8 { any, none, p66, pf3, pf2 };
/// Which encoding a row is for.
enum class Encoding : u8 { legacy, vex };
/// A condition on VEX.L or VEX.W.
enum class Bit : u8 { any, zero, one };
/// A condition on ModRM.mod.
enum class ModKind : u8 { any, memory, reg };

/// How an operand is encoded, in the letters of SDM 2D A.2. Widths: b 1, w 2, d 4, q 8, dq 16 bytes, qq 32 bytes,
/// v = 2 or 4 by operand size, z = v but never more than 4, x = 16 or 32 by VEX.L, p = far pointer, a = BOUND pair,
/// s = table register image. ps/pd/ss/sd of the manual are written by their size.
enum class Code : u8 {
    none,
    // general registers and memory
    Eb,
    Ew,
    Ed,
    Ev,
    Gb,
    Gw,
    Gd,
    Gv,
    Rd,
    Rw,
    Rv,    // R: ModRM.rm, register only
    Rv_Mw, // register of the operand size, or 16 bits of memory: SLDT, STR, SMSW, MOV E,Sw
    M,     // memory only, address is all that matters (LEA, INVLPG)
    Mb,
    Mw,
    Md,
    Mq,
    Mdq,
    Mqq,
    Mx,
    Mt, // 10 bytes: x87's extended and packed decimal format
    Mp,
    Ma,
    Ms,
    Mfpu, // memory of a size that depends on the mode: environments and save areas
    Ob,
    Ov, // moffs
    Zb,
    Zv, // register in the opcode's low three bits
    By, // VEX.vvvv as a 32-bit general register
    AL,
    AX,
    eAX,
    CL,
    DX, // eAX: AX or EAX by operand size
    ES,
    CS,
    SS,
    DS,
    FS,
    GS,
    Sw,
    Cd,
    Dd, // segment, control and debug registers
    Xb,
    Xv,
    Yb,
    Yv, // DS:eSI and ES:eDI strings
    // immediates
    Ib,
    Ibs /* sign-extended to the operand size */,
    Iw,
    Iz,
    one,
    Jb,
    Jz,
    Ap,
    Iw_Ib /* ENTER */,
    // x87
    ST0,
    STi,
    // MMX: P = ModRM.reg, N = ModRM.rm register, Q = register or memory
    Pq,
    Nq,
    Qd,
    Qq,
    // XMM/YMM: V = ModRM.reg, H = VEX.vvvv, L = imm[7:4], U = ModRM.rm register, W = register or memory
    Vdq,
    Vx,
    Vqq,
    Hdq,
    Hx,
    Hqq,
    Ldq,
    Lx,
    Udq,
    Ux,
    Uqq,
    Wb,
    Ww,
    Wd,
    Wq,
    Wdq,
    Wqq,
    Wx,
    Edb,
    Edw,
    Edd, // register (32-bit) or memory of 1, 2, 4 bytes: PINSRB, PEXTRW, MOVD ...
    VMd,
    VMq, // vector of addresses with 4- or 8-byte elements: gathers
};

/// May an operand be read, written, or both?
enum class Access : u8 { none, read, write, read_write };

struct OperandDef {
    Code code{Code::none};
    Access access{Access::none};
};

/// Is it sensitive, in the sense of Popek and Goldberg (C1)? Control: it changes the configuration of resources;
/// behaviour: its result depends on it.
enum class Sensitive : u8 { no, control, behaviour, both };

/// Who may execute it (SDM 3A 5.9): any code, CPL 0, or as another rule says. A row with `cpl0` is privileged: it traps
/// in user mode. `iopl`, `io` trap there too as an ordinary OS sets IOPL and the I/O bitmap.
enum class Privilege : u8 { any, cpl0, iopl, io, cr4 };

/// When the scanner must end a block.
enum class Ends : u8 { no, branch, indirect, system };

/// What the processor must have; names as CPUID's (SDM 2A CPUID).
enum class Feature : u8 {
    base,
    fpu,
    tsc,
    msr,
    cx8,
    sep,
    cmov,
    mmx,
    fxsr,
    sse,
    sse2,
    sse3,
    ssse3,
    sse41,
    sse42,
    popcnt,
    movbe,
    aes,
    pclmul,
    sha,
    xsave,
    xsaveopt,
    avx,
    f16c,
    avx2,
    fma,
    bmi1,
    bmi2,
    lzcnt,
    adx,
    rdrand,
    rdseed,
    rdtscp,
    rdpid,
    clflush,
    clflushopt,
    clwb,
    monitor,
    smap,
    invpcid,
    vaes,
    vpclmul,
    gfni,
    fsgsbase,
    prefetchw,
    mwait,
    count_,
};

/// The status flags an instruction touches, in EFLAGS positions (DF too, for string instructions).
///     writes     gets a defined value; undefined: is left with any value. A flag in both is defined for some operands
///                only: OF of a shift is for a count of 1, CF of SHL for a count below the width.
///     reads      the result depends on it; also where the flag survives for some operands (a shift count of 0)
/// A repeated string comparison with eCX = 0 changes no flag at all.
using FlagMask = u16;
namespace flag {
inline constexpr FlagMask cf = 1, pf = 4, af = 0x10, zf = 0x40, sf = 0x80, df = 0x400, of = 0x800;
inline constexpr FlagMask status = cf | pf | af | zf | sf | of;
} // namespace flag

/// SDM 2A 2.4 (and table 2-18 on): which of #NM, #XM, alignment and feature checks a vector instruction makes.
/// A VEX row with a type other than none needs AVX and the XCR0 checks besides its own feature.
enum class VectorType : u8 {
    none,
    mmx, // #NM by CR0.TS, #UD by CR0.EM; x87 state is entered (TOS = 0, tags valid)
    x87, // #NM by CR0.EM or TS; waits for pending x87 errors
    x87_nowait,
    sse_aligned,   // 16-byte memory operands must be aligned (legacy form) or as VEX types 1
    sse_unaligned, // no alignment check (types 4u, 5 and scalars)
    sse_no_fault,  // touches no vector state check but feature bits
    mmx_sse,       // an MMX and an XMM operand: the checks of both (CVTPI2PS, MOVQ2DQ ...)
};

/// One row: one instruction form.
struct InsnDef {
    Map map{};
    u8 opcode{};
    Prefix prefix{Prefix::any};
    Encoding encoding{Encoding::legacy};
    i8 group{-1}; // ModRM.reg that selects the row, or -1
    i8 rm{-1};    // ModRM.rm that selects the row (register forms of groups, x87), or -1
    ModKind mod{ModKind::any};
    Bit vex_w{Bit::any}, vex_l{Bit::any};

    std::string_view name{};
    Op op{};
    std::array<OperandDef, 4> operands{};

    Sensitive sensitive{Sensitive::no};
    Privilege privilege{Privilege::any};
    Ends ends{Ends::no};
    FlagMask reads{}, writes{}, undefined{};
    Feature feature{Feature::base};
    VectorType vector{VectorType::none};
    bool lockable{};   // LOCK is legal with a memory destination
    bool repeatable{}; // REP/REPE/REPNE repeat it
    bool may_fault{};  // beyond what its memory operands can do (#DE, #GP, #NM ...)

    /// Sensitive but not privileged: what makes x86 miss the theorem's condition (C1, C5).
    constexpr bool is_critical() const { return sensitive != Sensitive::no && privilege == Privilege::any; }
};

// ---- decoded form ----------------------------------------------------------------------------------------------

/// Where an instruction's destination and source lie: what handlers are specialised for. r: general register,
/// m: memory, i: immediate. A second source (IMUL Gv,Ev,Iz; SHLD) or an immediate count comes on top, in `imm`.
enum class Shape : u8 { none, r, m, i, rr, rm, mr, ri, mi };

/// Which segment register an address uses; as SegmentName in monitor/cpu/segment.h.
enum class SegmentIndex : u8 { es, cs, ss, ds, fs, gs };

inline constexpr u8 no_register = 16; // GuestCpu::no_register: a slot that always reads as zero

/// An instruction with its operands resolved. 64 bytes: one cache line.
///
/// The effective address of its memory operand, if `has_memory`:
///     (gpr[base] + (gpr[index] << scale) + displacement) modulo 2^(8 * address_width), in `segment`.
struct alignas(64) Insn {
    InsnDef const* def{};
    u64 imm{};  // immediate, sign-extended as the row says; moffs address; branch displacement (sign-extended);
                // far pointer: offset
    u16 imm2{}; // far pointer: selector; ENTER: level
    i32 displacement{};
    Shape shape{Shape::none};
    u8 width{};          // of the main operand, in bytes: 1, 2, 4 (8, 16, 32 for vectors)
    u8 source_width{};   // of the source where it differs (MOVZX, CRC32...); else = width
    u8 operand_size{};   // 2 or 4: the operand-size attribute
    u8 address_width{};  // 2 or 4 bytes: the address-size attribute
    RegRef dst{}, src{}; // register references; which are used is said by shape
    u8 base{no_register}, index{no_register}, scale{};
    SegmentIndex segment{SegmentIndex::ds};
    u8 length{}; // bytes, 1..15
    u8 modrm{};
    u8 vvvv{}; // VEX.vvvv, already inverted
    bool has_modrm : 1 {}, has_memory : 1 {}, lock : 1 {}, rep : 1 {}, repne : 1 {}, operand_prefix : 1 {},
        address_prefix : 1 {}, segment_prefix : 1 {};
    bool vex : 1 {}, vex_l : 1 {}, vex_w : 1 {};
    u8 modrm_offset{}; // offset of the ModRM byte in the instruction: for the code that re-encodes it
    u8 bytes[15]{};    // the instruction as the guest wrote it

    u8 mod() const { return modrm >> 6; }
    u8 reg() const { return (modrm >> 3) & 7; }
    u8 rm() const { return modrm & 7; }
};
static_assert(sizeof(Insn) == 64, "one cache line");

} // namespace ring3::insn
