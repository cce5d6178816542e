// CPUID, leaf by leaf (SDM 2A CPUID, table 3-8). Leaves that are not here read as zero.
#include "monitor/cpu/cpu_model.h"

#include <algorithm>
#include <numeric>

namespace ring3 {

namespace {

constexpr u32 first_hypervisor_leaf = 0x4000'0000;
constexpr u32 last_hypervisor_leaf = 0x4000'0010;
constexpr u32 first_extended_leaf = 0x8000'0000;

u32 four_characters(std::string_view text, std::size_t offset) {
    u32 word = 0;
    for (std::size_t i = 0; i < 4 && offset + i < text.size(); ++i)
        word |= u32{static_cast<u8>(text[offset + i])} << (8 * i);
    return word;
}

/// Leaf 2: 2-MiB L2 (7DH), 32-KiB L1 for instructions (30H) and data (2CH); leaf 4 says the same at length.
constexpr CpuidRegisters cache_descriptors{1, 0, 0, 0x002c'307d};

CpuidRegisters cache_parameters(u32 subleaf) {
    constexpr u32 eight_ways_of_64_bytes = 7u << 22 | 63;
    constexpr u32 self_initializing = 1u << 8;
    switch (subleaf) {
    case 0: return {self_initializing | 1u << 5 | 1, eight_ways_of_64_bytes, 63, 0};   // L1 data, 32 KiB
    case 1: return {self_initializing | 1u << 5 | 2, eight_ways_of_64_bytes, 63, 0};   // L1 instructions, 32 KiB
    case 2: return {self_initializing | 2u << 5 | 3, eight_ways_of_64_bytes, 4095, 0}; // L2, 2 MiB
    default: return {};
    }
}

} // namespace

/// Leaf 1: one logical processor with APIC id 0, CLFLUSH lines of 64 bytes.
CpuidRegisters CpuModel::version(GuestCpu const& cpu) const {
    constexpr u32 osxsave = 1u << 27;
    constexpr u32 clflush_feature = 1u << 19;
    u32 const d = words_[CpuidWord::leaf_1_edx];
    u32 const c = words_[CpuidWord::leaf_1_ecx] | (cpu.cr4.has<Cr4::OSXSAVE>() ? osxsave : 0);
    u32 const line = (d & clflush_feature) != 0 ? 8u << 8 : 0;
    return {signature_, line | 1u << 16, c, d};
}

/// Leaf DH: the standard form, as large as XCR0 demands now (EBX) and at most (ECX).
CpuidRegisters CpuModel::extended_state(u32 subleaf, GuestCpu const& cpu) const {
    if (!has(insn::Feature::xsave)) return {};
    constexpr u32 legacy_and_header = 576, avx_size = 256;
    constexpr u64 avx = 4;
    auto const area = [](u64 xcr0) { return legacy_and_header + ((xcr0 & avx) != 0 ? avx_size : 0); };
    if (subleaf == 0) return {static_cast<u32>(xcr0_allowed_), area(cpu.xcr0), area(xcr0_allowed_), 0};
    if (subleaf == 1) return {words_[CpuidWord::leaf_d1_eax], 0, 0, 0};
    if (subleaf == 2 && (xcr0_allowed_ & avx) != 0) return {avx_size, legacy_and_header, 0, 0};
    return {};
}

/// Leaf 15H: TSC = crystal * EBX / EAX. Software multiplies kHz by EBX in 32 bits: a ratio that would overflow there is
/// not announced.
CpuidRegisters CpuModel::tsc_ratio() const {
    u64 const divisor = std::gcd(tsc_khz_, u64{apic_timer_khz});
    u64 const numerator = tsc_khz_ / divisor;
    if (numerator == 0 || numerator * apic_timer_khz > 0xffff'ffff) return {};
    return {static_cast<u32>(apic_timer_khz / divisor), static_cast<u32>(numerator), apic_timer_khz * 1000, 0};
}

CpuidRegisters CpuModel::basic_leaf(u32 leaf, u32 subleaf, GuestCpu const& cpu) const {
    switch (leaf) {
    case 0: return {level_, four_characters(vendor_, 0), four_characters(vendor_, 8), four_characters(vendor_, 4)};
    case 1: return version(cpu);
    case 2: return cache_descriptors;
    case 4: return cache_parameters(subleaf);
    case 6: return {words_[CpuidWord::leaf_6_eax], 0, 0, 0};
    case 7:
        if (subleaf != 0) return {};
        return {0, words_[CpuidWord::leaf_7_ebx], words_[CpuidWord::leaf_7_ecx], words_[CpuidWord::leaf_7_edx]};
    case 0xd: return extended_state(subleaf, cpu);
    case 0x15: return tsc_ratio();
    case 0x16: {
        u32 const mhz = static_cast<u32>(tsc_khz_ / 1000) & 0xffff;
        return {mhz, mhz, 100, 0};
    }
    default: return {};
    }
}

/// Sixteen of the brand string's 48 characters.
CpuidRegisters CpuModel::brand(u32 part) const {
    std::size_t const at = 16 * std::size_t{part};
    return {four_characters(brand_, at), four_characters(brand_, at + 4), four_characters(brand_, at + 8),
            four_characters(brand_, at + 12)};
}

CpuidRegisters CpuModel::extended_leaf(u32 leaf) const {
    constexpr u32 l2_2mib_8way_64 = 2048u << 16 | 6u << 12 | 1u << 8 | 64;
    switch (leaf - first_extended_leaf) {
    case 0: return {extended_level_, 0, 0, 0};
    case 1: return {0, 0, words_[CpuidWord::leaf_80000001_ecx], words_[CpuidWord::leaf_80000001_edx]};
    case 2:
    case 3:
    case 4: return brand(leaf - first_extended_leaf - 2);
    case 6: return {0, 0, l2_2mib_8way_64, 0};
    case 7: return {0, 0, 0, words_[CpuidWord::leaf_80000007_edx]};
    case 8: return {physical_bits_ | 32u << 8, 0, 0, 0};
    default: return {};
    }
}

/// The range that processors leave to hypervisors: a signature, and frequencies in kHz.
CpuidRegisters CpuModel::hypervisor_leaf(u32 leaf) const {
    constexpr std::string_view name = "ring3ring3  ";
    if (leaf == first_hypervisor_leaf)
        return {last_hypervisor_leaf, four_characters(name, 0), four_characters(name, 4), four_characters(name, 8)};
    if (leaf == last_hypervisor_leaf) return {static_cast<u32>(tsc_khz_), apic_timer_khz, 0, 0};
    return {};
}

CpuidRegisters CpuModel::cpuid(u32 leaf, u32 subleaf, GuestCpu const& cpu) const {
    if (hypervisor_ && leaf >= first_hypervisor_leaf && leaf <= last_hypervisor_leaf) return hypervisor_leaf(leaf);
    bool const extended = leaf >= first_extended_leaf && leaf <= extended_level_;
    if (extended) return extended_leaf(leaf);
    // SDM 2A CPUID: beyond what exists, the highest basic leaf answers.
    return basic_leaf(std::min(leaf, level_), subleaf, cpu);
}

} // namespace ring3
