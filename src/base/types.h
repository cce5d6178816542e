// Fixed-width names, and addresses whose space is part of their type.
//
// Three address spaces meet in a system VMM (D1):
//     gva  Linear     what the guest's segmentation makes; paging translates it
//     gpa  GuestPhys  what the guest takes for physical memory
//     hva             an ordinary pointer in this process
// Mixing them is *the* bug of this field, so each is its own type; a conversion is a named function of the module
// that owns the mapping.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace ring3 {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

inline constexpr u64 page_size = 4096;
inline constexpr u64 page_mask = page_size - 1;

template <class Space> struct Addr {
    u64 raw{};
    constexpr Addr operator+(u64 n) const { return {raw + n}; }
    constexpr u64 operator-(Addr other) const { return raw - other.raw; }
    constexpr Addr page() const { return {raw & ~page_mask}; }
    constexpr u64 page_number() const { return raw / page_size; }
    constexpr u64 page_offset() const { return raw & page_mask; }
    friend constexpr auto operator<=>(Addr, Addr) = default;
};

using Linear = Addr<struct LinearSpace>;
using GuestPhys = Addr<struct GuestPhysSpace>;

} // namespace ring3
