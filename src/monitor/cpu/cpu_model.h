// CpuModel: which processor the guest sees (SDM 2A CPUID; DESIGN.md 5: "what the host has, minus what the monitor does
// not virtualize"). An explicit table: no leaf or bit reaches the guest that nobody put there.
#pragma once

#include "base/result.h"
#include "insn/insn.h"
#include "monitor/cpu/cpu_features.h"
#include "monitor/cpu/state.h"

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

namespace ring3 {

struct CpuidRegisters {
    u32 eax{}, ebx{}, ecx{}, edx{};
};

/// The feature bits a model has; index is insn::Feature.
using FeatureSet = std::bitset<static_cast<std::size_t>(insn::Feature::count_)>;

class CpuModel {
public:
    /// `specification` is QEMU's -cpu argument: "max", "qemu32", "pentium3", "core2duo,+aes,-sse3" ... Unknown models
    /// and features are a usage error that names them. Known features that a guest cannot have are left out, as QEMU does,
    /// and named by missing(); with `enforce` they are an error, too: usage, or host_lacks if it is the host's fault.
    static Result<CpuModel> create(std::string_view specification);
    /// The names that create() takes, for -cpu help.
    static std::vector<std::string_view> names();

    /// Features that were asked for in vain, each with its reason.
    std::vector<std::string> const& missing() const { return missing_; }
    bool has(insn::Feature feature) const { return features_[static_cast<std::size_t>(feature)]; }
    /// SDM 2A CPUID; depends on the CPU's state (CR4.OSXSAVE, APIC enable) as real ones do.
    CpuidRegisters cpuid(u32 leaf, u32 subleaf, GuestCpu const& cpu) const;
    /// CR4 bits that may be set; others are #GP(0).
    u32 cr4_allowed() const { return cr4_allowed_; }
    /// XCR0 bits that may be set (x87, SSE, AVX).
    u64 xcr0_allowed() const { return xcr0_allowed_; }
    bool has_nx() const { return nx_; }
    bool has_pse() const { return pse_; }
    bool has_vme() const { return vme_; }
    bool has_apic() const { return apic_; }
    bool has_pae() const { return pae_; }
    bool has_pge() const { return pge_; }
    bool has_mtrr() const { return mtrr_; }
    bool has_pat() const { return pat_; }
    bool has_mca() const { return mca_; }
    bool has_tsc_adjust() const { return tsc_adjust_; }
    /// IA32_TSC_AUX exists for RDTSCP and for RDPID.
    bool has_tsc_aux() const { return has(insn::Feature::rdtscp) || has(insn::Feature::rdpid); }
    unsigned physical_bits() const { return physical_bits_; }
    unsigned family() const { return family_; }
    /// Guest TSC frequency in kHz, as CPUID 15H/16H and the hypervisor leaf announce it where the model has them.
    u64 tsc_khz() const { return tsc_khz_; }
    void set_tsc_khz(u64 khz) { tsc_khz_ = khz; }
    /// The frequency of the local APIC's timer before its divider: the "core crystal clock" of CPUID 15H.
    static constexpr u32 apic_timer_khz = 1'000'000;
    u32 signature() const { return signature_; }

private:
    friend class CpuModelParser;
    CpuidRegisters basic_leaf(u32 leaf, u32 subleaf, GuestCpu const& cpu) const;
    CpuidRegisters extended_leaf(u32 leaf) const;
    CpuidRegisters hypervisor_leaf(u32 leaf) const;
    CpuidRegisters version(GuestCpu const& cpu) const;
    CpuidRegisters extended_state(u32 subleaf, GuestCpu const& cpu) const;
    CpuidRegisters tsc_ratio() const;
    CpuidRegisters brand(u32 part) const;
    /// Derives everything else from words_, family_, model_ and stepping_.
    void derive();

    FeatureWords words_{};
    std::string vendor_{"GenuineIntel"};
    std::string brand_;
    std::vector<std::string> missing_;
    u32 level_{}, extended_level_{};
    unsigned family_{}, model_{}, stepping_{};

    FeatureSet features_;
    u32 cr4_allowed_{};
    u64 xcr0_allowed_{1};
    bool nx_{}, pse_{}, vme_{}, apic_{}, pae_{}, pge_{}, mtrr_{}, pat_{}, mca_{}, tsc_adjust_{}, hypervisor_{};
    unsigned physical_bits_{36};
    u64 tsc_khz_{1'000'000};
    u32 signature_{};
};

} // namespace ring3
