// Indices of the model-specific registers, and which values they take (SDM 4 table 2-2; 3A 11.11.2, 11.12.2).
#pragma once

#include "base/types.h"

namespace ring3 {

namespace msr {
inline constexpr u32 tsc = 0x10, platform_id = 0x17, apic_base = 0x1b, tsc_adjust = 0x3b, bios_update = 0x79,
                     bios_sign_id = 0x8b, mtrr_cap = 0xfe, sysenter_cs = 0x174, sysenter_esp = 0x175,
                     sysenter_eip = 0x176, mcg_cap = 0x179, mcg_status = 0x17a, misc_enable = 0x1a0, mtrr_base0 = 0x200,
                     mtrr_fixed_64k = 0x250, mtrr_fixed_16k = 0x258, mtrr_fixed_4k = 0x268, pat = 0x277,
                     mtrr_def_type = 0x2ff, efer = 0xc000'0080, tsc_aux = 0xc000'0103;

/// IA32_APIC_BASE.E (SDM 3A 10.4.4).
inline constexpr u64 apic_enabled = 1u << 11;
/// Eight variable ranges, fixed ranges, write-combining.
inline constexpr u64 mtrr_cap_value = 8 | 1u << 8 | 1u << 10;
/// In the upper half, where SDM 3A 10.11.7 puts it. Not so low that software complains of old microcode.
inline constexpr u64 microcode_revision = u64{0x218} << 32;
/// IA32_MISC_ENABLE (SDM 4 table 2-2): no branch trace store and no PEBS; the switches are mere storage.
inline constexpr u64 misc_enable_fixed = 1u << 11 | 1u << 12;
inline constexpr u64 misc_enable_writable =
    1u << 0 | 1u << 3 | 1u << 7 | 1u << 16 | 1u << 18 | 1u << 22 | 1u << 23 | u64{1} << 34;
} // namespace msr

/// SDM 3A table 11-8: UC, WC, WT, WP, WB; PAT also has UC-.
constexpr bool is_memory_type(u64 type) {
    return type == 0 || type == 1 || (type >= 4 && type <= 6);
}
constexpr bool all_bytes_are_memory_types(u64 value) {
    for (unsigned shift = 0; shift < 64; shift += 8)
        if (!is_memory_type((value >> shift) & 0xff)) return false;
    return true;
}
constexpr bool legal_pat(u64 value) {
    constexpr u64 uncached_minus = 7;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        u64 const type = (value >> shift) & 0xff;
        if (!is_memory_type(type) && type != uncached_minus) return false;
    }
    return true;
}
/// IA32_MTRR_DEF_TYPE: type, FE and E.
constexpr bool legal_mtrr_default(u64 value) {
    constexpr u64 defined = 0xff | 1u << 10 | 1u << 11;
    return (value & ~defined) == 0 && is_memory_type(value & 0xff);
}
constexpr bool legal_mtrr_base(u64 value, unsigned physical_bits) {
    u64 const address = ((u64{1} << physical_bits) - 1) & ~u64{0xfff};
    return (value & ~(address | 0xff)) == 0 && is_memory_type(value & 0xff);
}
constexpr bool legal_mtrr_mask(u64 value, unsigned physical_bits) {
    constexpr u64 valid = 1u << 11;
    u64 const address = ((u64{1} << physical_bits) - 1) & ~u64{0xfff};
    return (value & ~(address | valid)) == 0;
}

} // namespace ring3
