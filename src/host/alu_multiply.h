// The host processor's multiplications, divisions and random numbers, for guest instructions; see alu.h.
#pragma once

#include "host/alu.h"

#include <limits>
#include <type_traits>

namespace ring3::host {

/// The type of a product of two T.
template <class T> using Wide = std::conditional_t<sizeof(T) == 1, u16, std::conditional_t<sizeof(T) == 2, u32, u64>>;

// AX, DX:AX and EDX:EAX are fixed operands, so the flags travel through another register: MOV keeps them.
#define RING3_LOAD_FLAGS "movw %w[packed], %%ax\n\taddb $0x7f, %%al\n\tsahf\n\t"
#define RING3_SAVE_FLAGS "lahf\n\tseto %%al\n\tmovw %%ax, %w[packed]\n\t"

/// One-operand MUL, IMUL, DIV and IDIV on the double-width accumulator; SF, ZF, AF and PF (and CF, OF of divisions) are
/// undefined, so they are what the host makes of them.
#define RING3_ACCUMULATOR(Name, mnemonic)                                                                              \
    struct Name {                                                                                                      \
        template <class T> Wide<T> operator()(Wide<T> accumulator, T operand, u32& eflags) const {                     \
            u32 packed = pack_flags(eflags);                                                                           \
            u32 low = static_cast<u32>(accumulator);                                                                   \
            if constexpr (sizeof(T) == 1) {                                                                            \
                asm(RING3_LOAD_FLAGS "movl %[low], %%eax\n\t" mnemonic                                                 \
                                     "b %b[b]\n\tmovl %%eax, %[low]\n\t" RING3_SAVE_FLAGS                              \
                    : [packed] "+r"(packed), [low] "+r"(low)                                                           \
                    : [b] "r"(operand)                                                                                 \
                    : "rax", "cc");                                                                                    \
                eflags = merge_flags(eflags, static_cast<PackedFlags>(packed));                                        \
                return static_cast<Wide<T>>(low);                                                                      \
            } else {                                                                                                   \
                constexpr unsigned bits = 8 * sizeof(T);                                                               \
                auto high = static_cast<u32>(accumulator >> bits);                                                     \
                if constexpr (sizeof(T) == 2)                                                                          \
                    asm(RING3_LOAD_FLAGS "movl %[low], %%eax\n\t" mnemonic                                             \
                                         "w %w[b]\n\tmovl %%eax, %[low]\n\t" RING3_SAVE_FLAGS                          \
                        : [packed] "+r"(packed), [low] "+r"(low), "+d"(high)                                           \
                        : [b] "r"(operand)                                                                             \
                        : "rax", "cc");                                                                                \
                else                                                                                                   \
                    asm(RING3_LOAD_FLAGS "movl %[low], %%eax\n\t" mnemonic                                             \
                                         "l %k[b]\n\tmovl %%eax, %[low]\n\t" RING3_SAVE_FLAGS                          \
                        : [packed] "+r"(packed), [low] "+r"(low), "+d"(high)                                           \
                        : [b] "r"(operand)                                                                             \
                        : "rax", "cc");                                                                                \
                eflags = merge_flags(eflags, static_cast<PackedFlags>(packed));                                        \
                return static_cast<Wide<T>>(Wide<T>{static_cast<T>(high)} << bits | static_cast<T>(low));              \
            }                                                                                                          \
        }                                                                                                              \
    }

RING3_ACCUMULATOR(Mul, "mul");
RING3_ACCUMULATOR(ImulWide, "imul");
RING3_ACCUMULATOR(DivUnchecked, "div");
RING3_ACCUMULATOR(IdivUnchecked, "idiv");

#undef RING3_ACCUMULATOR

/// Two-operand IMUL (16 and 32 bits): the product is cut to T.
struct Imul {
    template <class T> T operator()(T a, T b, u32& eflags) const {
        u32 packed = pack_flags(eflags);
        asm(RING3_LOAD_FLAGS "imul %[b], %[a]\n\t" RING3_SAVE_FLAGS
            : [packed] "+r"(packed), [a] "+r"(a)
            : [b] "r"(b)
            : "rax", "cc");
        eflags = merge_flags(eflags, static_cast<PackedFlags>(packed));
        return a;
    }
};

#undef RING3_LOAD_FLAGS
#undef RING3_SAVE_FLAGS

/// Would DIV raise #DE: divisor zero, or a quotient that does not fit (SDM 2A DIV)? The host must never trap.
template <class T> constexpr bool division_overflows(Wide<T> dividend, T divisor) {
    return divisor == 0 || dividend / divisor > std::numeric_limits<T>::max();
}
/// The same for IDIV. Works on magnitudes: the most negative dividend has none in its own type.
template <class T> constexpr bool signed_division_overflows(Wide<T> dividend, T divisor) {
    using Signed = std::make_signed_t<T>;
    using SignedWide = std::make_signed_t<Wide<T>>;
    if (divisor == 0) return true;
    bool const dividend_negative = static_cast<SignedWide>(dividend) < 0;
    bool const divisor_negative = static_cast<Signed>(divisor) < 0;
    auto const large = static_cast<Wide<T>>(dividend_negative ? Wide<T>{} - dividend : dividend);
    auto const small = static_cast<T>(divisor_negative ? T{} - divisor : divisor);
    auto const quotient = static_cast<Wide<T>>(large / small);
    constexpr Wide<T> most = std::numeric_limits<Signed>::max();
    return quotient > (dividend_negative != divisor_negative ? Wide<T>{most} + 1u : most);
}

/// RDRAND and RDSEED: the number, or 0 with CF clear; all other status flags are cleared (SDM 2B RDRAND).
struct Random {
    u32 value;
    bool valid;
};
inline Random rdrand() {
    Random random{};
    asm volatile("rdrand %0" : "=r"(random.value), "=@ccc"(random.valid));
    return random;
}
inline Random rdseed() {
    Random random{};
    asm volatile("rdseed %0" : "=r"(random.value), "=@ccc"(random.valid));
    return random;
}

} // namespace ring3::host
