// The host processor's shifts, rotates, bit scans and bit manipulation, for guest instructions; see alu.h.
//
// Many of these leave some flags alone or undefined, and a count of zero leaves all of them, so all guest status flags
// are loaded before the instruction and taken back after it.
#pragma once

#include "host/alu.h"

#define RING3_LOAD_FLAGS "addb $0x7f, %%al\n\tsahf\n\t"
#define RING3_SAVE_FLAGS "\n\tlahf\n\tseto %%al"

namespace ring3::host {

/// dst = dst shifted by count; the instruction itself reduces the count (SDM 2B SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR).
#define RING3_SHIFT(Name, mnemonic)                                                                                    \
    struct Name {                                                                                                      \
        template <class T> T operator()(T a, u8 count, u32& eflags) const {                                            \
            PackedFlags packed = pack_flags(eflags);                                                                   \
            asm(RING3_LOAD_FLAGS mnemonic " %%cl, %[a]" RING3_SAVE_FLAGS                                               \
                : [a] "+r"(a), "+&a"(packed)                                                                           \
                : "c"(count)                                                                                           \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return a;                                                                                                  \
        }                                                                                                              \
    }
/// dst = dst and src shifted together by count.
#define RING3_DOUBLE_SHIFT(Name, mnemonic)                                                                             \
    struct Name {                                                                                                      \
        template <class T> T operator()(T a, T b, u8 count, u32& eflags) const {                                       \
            PackedFlags packed = pack_flags(eflags);                                                                   \
            asm(RING3_LOAD_FLAGS mnemonic " %%cl, %[b], %[a]" RING3_SAVE_FLAGS                                         \
                : [a] "+r"(a), "+&a"(packed)                                                                           \
                : [b] "r"(b), "c"(count)                                                                               \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return a;                                                                                                  \
        }                                                                                                              \
    }
/// dst = dst op src, with all flags loaded before: bit tests, bit scans (which leave dst alone for src = 0), ADCX, ADOX.
#define RING3_BINARY_FLAGS(Name, mnemonic)                                                                             \
    struct Name {                                                                                                      \
        template <class T> T operator()(T a, T b, u32& eflags) const {                                                 \
            PackedFlags packed = pack_flags(eflags);                                                                   \
            asm(RING3_LOAD_FLAGS mnemonic " %[b], %[a]" RING3_SAVE_FLAGS                                               \
                : [a] "+r"(a), "+&a"(packed)                                                                           \
                : [b] "r"(b)                                                                                           \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return a;                                                                                                  \
        }                                                                                                              \
    }
/// A VEX-encoded dst = first op second, where `second` is the operand that VEX.vvvv names: BEXTR, BZHI, SHLX ...
/// AT&T order puts it first.
#define RING3_VEX_BINARY(Name, mnemonic)                                                                               \
    struct Name {                                                                                                      \
        u32 operator()(u32 first, u32 second, u32& eflags) const {                                                     \
            PackedFlags packed = pack_flags(eflags);                                                                   \
            u32 result;                                                                                                \
            asm(RING3_LOAD_FLAGS mnemonic " %[second], %[first], %[result]" RING3_SAVE_FLAGS                           \
                : [result] "=&r"(result), "+&a"(packed)                                                                \
                : [first] "r"(first), [second] "r"(second)                                                             \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return result;                                                                                             \
        }                                                                                                              \
    }
/// A VEX-encoded dst = op src.
#define RING3_VEX_UNARY(Name, mnemonic)                                                                                \
    struct Name {                                                                                                      \
        u32 operator()(u32 source, u32& eflags) const {                                                                \
            PackedFlags packed = pack_flags(eflags);                                                                   \
            u32 result;                                                                                                \
            asm(RING3_LOAD_FLAGS mnemonic " %[source], %[result]" RING3_SAVE_FLAGS                                     \
                : [result] "=&r"(result), "+&a"(packed)                                                                \
                : [source] "r"(source)                                                                                 \
                : "cc");                                                                                               \
            eflags = merge_flags(eflags, packed);                                                                      \
            return result;                                                                                             \
        }                                                                                                              \
    }

RING3_SHIFT(Rol, "rol");
RING3_SHIFT(Ror, "ror");
RING3_SHIFT(Rcl, "rcl");
RING3_SHIFT(Rcr, "rcr");
RING3_SHIFT(Shl, "shl");
RING3_SHIFT(Shr, "shr");
RING3_SHIFT(Sar, "sar");
RING3_DOUBLE_SHIFT(Shld, "shld");
RING3_DOUBLE_SHIFT(Shrd, "shrd");
RING3_BINARY_FLAGS(Bt, "bt");
RING3_BINARY_FLAGS(Bts, "bts");
RING3_BINARY_FLAGS(Btr, "btr");
RING3_BINARY_FLAGS(Btc, "btc");
RING3_BINARY_FLAGS(Bsf, "bsf");
RING3_BINARY_FLAGS(Bsr, "bsr");
RING3_BINARY_FLAGS(Lzcnt, "lzcnt");
RING3_BINARY_FLAGS(Tzcnt, "tzcnt");
RING3_BINARY_FLAGS(Popcnt, "popcnt");
RING3_BINARY_FLAGS(Adcx, "adcx");
RING3_BINARY_FLAGS(Adox, "adox");
RING3_VEX_BINARY(Bextr, "bextr");
RING3_VEX_BINARY(Bzhi, "bzhi");
RING3_VEX_BINARY(Sarx, "sarx");
RING3_VEX_BINARY(Shlx, "shlx");
RING3_VEX_BINARY(Shrx, "shrx");
RING3_VEX_UNARY(Blsi, "blsi");
RING3_VEX_UNARY(Blsmsk, "blsmsk");
RING3_VEX_UNARY(Blsr, "blsr");

/// ANDN, PDEP and PEXT take VEX.vvvv as their first source: dst = op(vvvv, r/m). AT&T order: r/m, vvvv, dst.
#define RING3_VEX_FIRST(Name, Reversed, mnemonic)                                                                      \
    RING3_VEX_BINARY(Reversed, mnemonic);                                                                              \
    struct Name {                                                                                                      \
        u32 operator()(u32 source, u32 vvvv, u32& eflags) const { return Reversed{}(vvvv, source, eflags); }           \
    }
RING3_VEX_FIRST(Andn, AndnReversed, "andn");
RING3_VEX_FIRST(Pdep, PdepReversed, "pdep");
RING3_VEX_FIRST(Pext, PextReversed, "pext");

#undef RING3_SHIFT
#undef RING3_DOUBLE_SHIFT
#undef RING3_BINARY_FLAGS
#undef RING3_VEX_BINARY
#undef RING3_VEX_UNARY
#undef RING3_VEX_FIRST

/// CRC32 (SDM 2A CRC32): accumulates 1, 2 or 4 bytes; no flags.
template <class T> inline u32 crc32(u32 crc, T value) {
    if constexpr (sizeof(T) == 1)
        asm("crc32b %[value], %[crc]" : [crc] "+r"(crc) : [value] "r"(value));
    else if constexpr (sizeof(T) == 2)
        asm("crc32w %[value], %[crc]" : [crc] "+r"(crc) : [value] "r"(value));
    else
        asm("crc32l %[value], %[crc]" : [crc] "+r"(crc) : [value] "r"(value));
    return crc;
}

/// BSWAP of a 16-bit register is undefined (SDM 2A BSWAP); assemblers refuse it, processors do not.
inline u16 bswap16(u16 value) {
    asm(".byte 0x66, 0x0f, 0xc8" : "+a"(value));
    return value;
}

} // namespace ring3::host

#undef RING3_LOAD_FLAGS
#undef RING3_SAVE_FLAGS
