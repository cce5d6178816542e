// The processors that -cpu can name.
#pragma once

#include <array>
#include <string_view>

#include "base/types.h"

namespace ring3 {

/// Names in `features` are separated by blanks. A model whose features are "max" has everything that can be offered.
struct CpuModelRow {
    std::string_view name;
    std::string_view description;
    u8 family{}, model{}, stepping{};
    u32 level{};          // highest basic CPUID leaf
    u32 extended_level{}; // highest 8000'xxxxH leaf, 0: none
    std::string_view features;
};

inline constexpr std::string_view all_features = "max";

inline constexpr u32 brand_level = 0x8000'0008;
inline constexpr u32 newest_level = 0x16;

// The signature of "max" is an in-order Atom's: operating systems then need no measures against speculation, which an
// interpreter does not do across privilege levels; every such measure would cost the guest time and gain it nothing.
inline constexpr auto cpu_models = std::to_array<CpuModelRow>({
    {"max", "everything the host and the monitor offer", 6, 28, 10, newest_level, brand_level, all_features},
    {"host", "the same as max", 6, 28, 10, newest_level, brand_level, all_features},
    {"base", "only what is added by name", 6, 28, 10, newest_level, brand_level, ""},
    {"qemu32", "QEMU's generic 32-bit processor", 6, 6, 3, 4, 0x8000'0004,
     "fpu de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic pni hypervisor"},
    {"qemu64", "QEMU's generic 64-bit processor, in 32 bits", 6, 28, 10, 0xd, brand_level,
     "fpu de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic mtrr clflush mca pse36 pni nx lahf-lm abm "
     "hypervisor"},
    {"kvm32", "QEMU's processor for KVM", 6, 28, 10, 5, brand_level,
     "fpu vme de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic mtrr clflush mca pse36 pni "
     "hypervisor"},
    {"kvm64", "QEMU's 64-bit processor for KVM, in 32 bits", 6, 28, 10, 0xd, brand_level,
     "fpu vme de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic mtrr clflush mca pse36 pni nx "
     "hypervisor"},
    {"486", "Intel 486", 4, 8, 0, 1, 0, "fpu vme pse"},
    {"pentium", "Intel Pentium MMX", 5, 4, 3, 1, 0, "fpu vme pse de tsc msr mce cx8 mmx apic"},
    {"pentium2", "Intel Pentium II", 6, 5, 2, 2, 0,
     "fpu vme pse de tsc msr mce cx8 mmx apic pae sep mtrr pge mca cmov pat pse36 fxsr"},
    {"pentium3", "Intel Pentium III", 6, 7, 3, 3, 0,
     "fpu vme pse de tsc msr mce cx8 mmx apic pae sep mtrr pge mca cmov pat pse36 fxsr sse"},
    {"coreduo", "Intel Core Duo", 6, 14, 8, 10, brand_level,
     "fpu vme de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic mtrr clflush mca ss pni nx "
     "hypervisor"},
    {"core2duo", "Intel Core 2 Duo, in 32 bits", 6, 15, 11, 10, brand_level,
     "fpu vme de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic mtrr clflush mca pse36 ss pni ssse3 "
     "nx lahf-lm hypervisor"},
    {"n270", "Intel Atom N270", 6, 28, 2, 10, brand_level,
     "fpu vme de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic mtrr clflush mca ss pni ssse3 movbe "
     "nx lahf-lm hypervisor"},
});

} // namespace ring3
