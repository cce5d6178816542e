// The host processor's arithmetic, for guest instructions: the same instruction on the same operands and flags.
//
// The interpreter does not compute flags, it observes them. Each operation below is one host instruction, and the status
// flags it leaves, undefined ones included, become the guest's. So the host processor is the oracle, and translated code,
// which runs those instructions directly, cannot disagree with the interpreter.
//
//     guest flags -> [ADD AL,7FH; SAHF] -> instruction -> [LAHF; SETO AL] -> guest flags
//
// LAHF and SETO together are cheaper than PUSHF, and need no stack (emitted below a red zone, a push would corrupt it).
// The left half is needed only where an instruction reads a flag or may leave one alone; see the macros.
#pragma once

#include "base/types.h"

namespace ring3::host {

/// AH and AL as LAHF and SETO leave them: SF ZF 0 AF 0 PF 1 CF, and OF in bit 0.
using PackedFlags = u16;

inline constexpr u32 carry_flag = 0x001;
/// The status flags, and bit 1, which is always set in EFLAGS and in LAHF's result: so that no mask is needed.
inline constexpr u32 packed_mask = 0x8d7;
inline constexpr unsigned overflow_position = 11;

constexpr PackedFlags pack_flags(u32 eflags) {
    return static_cast<PackedFlags>((eflags & 0xff) << 8 | ((eflags >> overflow_position) & 1));
}
constexpr u32 merge_flags(u32 eflags, PackedFlags packed) {
    return (eflags & ~packed_mask) | static_cast<u32>(packed >> 8) | static_cast<u32>(packed & 1) << overflow_position;
}

// An instruction's name must be part of an assembler text, which only the preprocessor can paste in GCC 12: hence macros,
// local to this header. Operations are types, so that routines can be templates over them. The assembler takes the
// operand size from the register names, and these follow T.

/// dst = dst op src; no flag matters before.
#define RING3_BINARY(Name, mnemonic)                                                                                   \
    struct Name {                                                                                                      \
        template <class T> T operator()(T a, T b, u32& eflags) const {                                                 \
            PackedFlags packed;                                                                                        \
            asm(mnemonic " %[b], %[a]\n\tlahf\n\tseto %%al" : [a] "+r"(a), "=&a"(packed) : [b] "r"(b) : "cc");         \
            eflags = merge_flags(eflags, packed);                                                                      \
            return a;                                                                                                  \
        }                                                                                                              \
    }
/// dst = dst op src op CF.
#define RING3_BINARY_CARRY(Name, mnemonic)                                                                             \
    struct Name {                                                                                                      \
        template <class T> T operator()(T a, T b, u32& eflags) const {                                                 \
            PackedFlags packed;                                                                                        \
            asm("bt $0, %[flags]\n\t" mnemonic " %[b], %[a]\n\tlahf\n\tseto %%al"                                      \
                : [a] "+r"(a), "=&a"(packed)                                                                           \
                : [b] "r"(b), [flags] "r"(eflags)                                                                      \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return a;                                                                                                  \
        }                                                                                                              \
    }
/// dst = op dst; CF is kept or replaced.
#define RING3_UNARY(Name, mnemonic)                                                                                    \
    struct Name {                                                                                                      \
        template <class T> T operator()(T a, u32& eflags) const {                                                      \
            PackedFlags packed;                                                                                        \
            asm("bt $0, %[flags]\n\t" mnemonic " %[a]\n\tlahf\n\tseto %%al"                                            \
                : [a] "+r"(a), "=&a"(packed)                                                                           \
                : [flags] "r"(eflags)                                                                                  \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return a;                                                                                                  \
        }                                                                                                              \
    }

RING3_BINARY(Add, "add");
RING3_BINARY(Or, "or");
RING3_BINARY(And, "and");
RING3_BINARY(Sub, "sub");
RING3_BINARY(Xor, "xor");
RING3_BINARY_CARRY(Adc, "adc");
RING3_BINARY_CARRY(Sbb, "sbb");
RING3_UNARY(Inc, "inc");
RING3_UNARY(Dec, "dec");
RING3_UNARY(Neg, "neg");

#undef RING3_BINARY
#undef RING3_BINARY_CARRY
#undef RING3_UNARY

/// NOT touches no flag (SDM 2B NOT).
struct Not {
    template <class T> T operator()(T a, u32&) const { return static_cast<T>(~a); }
};

} // namespace ring3::host
