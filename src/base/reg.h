// A hardware register as a value with named fields, in the manual's order.
//
//     struct Cr0 : Reg<Cr0, u32> { using PE = Field<0>; using PG = Field<31>; };
//     if (cr0.has<Cr0::PG>()) ...            cr0 = cr0.with<Cr0::PE>(1);
//
// No C bit-fields for layouts, no mask at a call site; two fields that overlap are a compile error (disjoint<>).
#pragma once

#include "base/types.h"

#include <bit>

namespace ring3 {

/// Bits Hi..Lo of a register, inclusive; 0 <= Lo <= Hi <= 63.
template <unsigned Hi, unsigned Lo = Hi> struct Field {
    static_assert(Lo <= Hi && Hi < 64);
    static constexpr unsigned shift = Lo;
    static constexpr u64 mask = (~u64{} >> (63 - Hi)) & (~u64{} << Lo);
};

template <class Self, class Word> struct Reg {
    Word raw{};
    template <class F> constexpr Word get() const { return Word((raw & F::mask) >> F::shift); }
    template <class F> constexpr bool has() const { return (raw & F::mask) != 0; }
    template <class F> [[nodiscard]] constexpr Self with(Word value) const {
        Self result{};
        result.raw = Word((raw & ~F::mask) | ((u64{value} << F::shift) & F::mask));
        return result;
    }
    friend constexpr bool operator==(Reg, Reg) = default;
};

/// True when no two of the fields share a bit.
template <class... F> consteval bool disjoint() {
    return (std::popcount(F::mask) + ...) == std::popcount((F::mask | ...));
}

/// All bits that the fields name.
template <class... F> consteval u64 mask_of() {
    return (F::mask | ...);
}

} // namespace ring3
