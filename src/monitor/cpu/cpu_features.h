// CPUID feature bits: their names, where they lie, and what this monitor needs to offer them (SDM 2A CPUID).
#pragma once

#include "insn/insn.h"

#include <array>
#include <span>
#include <string_view>

namespace ring3 {

/// The CPUID registers that consist of feature bits.
enum class CpuidWord : u8 {
    leaf_1_edx,
    leaf_1_ecx,
    leaf_6_eax,
    leaf_7_ebx,
    leaf_7_ecx,
    leaf_7_edx,
    leaf_d1_eax,
    leaf_80000001_edx,
    leaf_80000001_ecx,
    leaf_80000007_edx,
    count_,
};
inline constexpr std::size_t cpuid_word_count = static_cast<std::size_t>(CpuidWord::count_);

/// All feature bits of a processor.
struct FeatureWords {
    std::array<u32, cpuid_word_count> words{};
    constexpr u32& operator[](CpuidWord word) { return words[static_cast<std::size_t>(word)]; }
    constexpr u32 operator[](CpuidWord word) const { return words[static_cast<std::size_t>(word)]; }
};

/// Who makes a feature work.
enum class Support : u8 {
    monitor,   // interpreter, MMU or board: any host will do
    on_demand, // as monitor, but no model has it unless it is asked for: it costs a guest more than it gives
    host,      // the instruction itself runs natively: the host's processor must have it
    never,     // known, and not virtualized
};

struct FeatureRow {
    std::string_view name; // QEMU's, with '-' where it also takes '_' or '.'
    CpuidWord word{};
    u8 bit{};
    Support support{};
    insn::Feature feature{insn::Feature::base}; // what the instruction table calls it, if it does
    constexpr u32 mask() const { return 1u << bit; }
};

std::span<FeatureRow const> feature_rows();

/// The row of a feature, nullptr if there is none. "sse4.1", "sse4_1" and "sse4-1" are one name.
FeatureRow const* find_feature(std::string_view name);

constexpr bool has_feature(FeatureWords const& words, FeatureRow const& row) {
    return (words[row.word] & row.mask()) != 0;
}

/// The host processor's feature bits.
FeatureWords host_features();

} // namespace ring3
