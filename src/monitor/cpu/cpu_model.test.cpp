#include "monitor/cpu/cpu_model.h"

#include "monitor/cpu/cpu_models.h"

#include <gtest/gtest.h>

namespace ring3 {
namespace {

CpuModel model(std::string_view specification) {
    auto result = CpuModel::create(specification);
    EXPECT_TRUE(result.has_value()) << specification;
    return result ? *result : CpuModel{};
}

ExitStatus status_of(std::string_view specification) {
    auto const result = CpuModel::create(specification);
    return result ? ExitStatus::ok : result.error().status;
}

std::string vendor_of(CpuModel const& cpu) {
    auto const leaf = cpu.cpuid(0, 0, GuestCpu{});
    u32 const words[] = {leaf.ebx, leaf.edx, leaf.ecx};
    std::string text(12, ' ');
    std::memcpy(text.data(), words, 12);
    return text;
}

TEST(CpuModel, every_listed_feature_of_every_model_has_a_row) {
    for (CpuModelRow const& row : cpu_models) {
        if (row.features == all_features) continue;
        std::string_view rest = row.features;
        while (!rest.empty()) {
            auto const end = std::min(rest.find(' '), rest.size());
            EXPECT_NE(find_feature(rest.substr(0, end)), nullptr) << row.name << ": " << rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
}

TEST(CpuModel, every_name_can_be_created) {
    for (std::string_view name : CpuModel::names()) EXPECT_EQ(status_of(name), ExitStatus::ok) << name;
}

TEST(CpuModel, qemus_kvm64_is_there_and_takes_features) {
    CpuModel const cpu = model("kvm64,+rdtscp");
    EXPECT_TRUE(cpu.has_tsc_aux());
    EXPECT_TRUE(cpu.has_nx());
    EXPECT_FALSE(cpu.has(insn::Feature::xsave));
}

TEST(CpuModel, unknown_models_and_features_are_usage_errors_that_name_them) {
    EXPECT_EQ(status_of("z80"), ExitStatus::usage);
    EXPECT_EQ(status_of("max,+warp"), ExitStatus::usage);
    EXPECT_NE(CpuModel::create("max,+warp").error().message.find("warp"), std::string::npos);
    EXPECT_EQ(status_of("max,sse2=maybe"), ExitStatus::usage);
    EXPECT_EQ(status_of("max,vendor=short"), ExitStatus::usage);
    EXPECT_EQ(status_of("max,family=x"), ExitStatus::usage);
}

TEST(CpuModel, features_that_no_guest_has_are_left_out_and_named) {
    CpuModel const cpu = model("max,+lm,+tsc-deadline,-x2apic");
    EXPECT_EQ(cpu.missing(), (std::vector<std::string>{"CPU feature 'lm' is not virtualized",
                                                       "CPU feature 'tsc-deadline' is not virtualized"}));
    EXPECT_EQ(cpu.cpuid(0x8000'0001, 0, GuestCpu{}).edx & (1u << 29), 0u);
    EXPECT_EQ(cpu.cpuid(1, 0, GuestCpu{}).ecx & (1u << 24), 0u);
    EXPECT_TRUE(model("max,-lm,+aes,-aes").missing().empty());
    EXPECT_EQ(status_of("max,+lm,enforce"), ExitStatus::usage);
    EXPECT_EQ(status_of("max,enforce,-lm"), ExitStatus::ok);
    EXPECT_EQ(status_of("max,+lm,enforce=off"), ExitStatus::ok);
}

TEST(CpuModel, features_are_switched_in_all_of_qemus_forms) {
    EXPECT_FALSE(model("max,-nx").has_nx());
    EXPECT_TRUE(model("pentium3,+nx").has_nx());
    EXPECT_TRUE(model("pentium3,nx").has_nx());
    EXPECT_FALSE(model("max,nx=off").has_nx());
    EXPECT_TRUE(model("max,nx=off,nx=on").has_nx());
    EXPECT_FALSE(model("max,-sse4_1").has(insn::Feature::sse41));
    EXPECT_FALSE(model("max,-sse4.1").has(insn::Feature::sse41));
    EXPECT_TRUE(model("max").has(insn::Feature::base));
}

TEST(CpuModel, has_no_mwait_unless_asked_for) {
    EXPECT_FALSE(model("max").has(insn::Feature::monitor));
    EXPECT_TRUE(model("max,+monitor").has(insn::Feature::monitor));
}

TEST(CpuModel, allows_the_cr4_bits_of_its_features_only) {
    EXPECT_EQ(model("486").cr4_allowed(), u32(mask_of<Cr4::VME, Cr4::PVI, Cr4::PSE>()));
    EXPECT_TRUE(Cr4{{model("max").cr4_allowed()}}.has<Cr4::SMEP>());
    EXPECT_FALSE(Cr4{{model("max,-smep").cr4_allowed()}}.has<Cr4::SMEP>());
}

TEST(CpuModel, avx_goes_with_xsave) {
    CpuModel const cpu = model("max,-xsave");
    EXPECT_FALSE(cpu.has(insn::Feature::avx));
    EXPECT_EQ(cpu.xcr0_allowed() & 4, 0u);
    EXPECT_EQ(cpu.cpuid(0xd, 0, GuestCpu{}).eax, 0u);
}

TEST(Cpuid, shows_vendor_and_signature) {
    EXPECT_EQ(vendor_of(model("max")), "GenuineIntel");
    EXPECT_EQ(vendor_of(model("max,vendor=AuthenticAMD")), "AuthenticAMD");
    EXPECT_EQ(model("pentium3").cpuid(1, 0, GuestCpu{}).eax, 0x673u);
    EXPECT_EQ(model("n270").signature(), 0x106c2u);
    EXPECT_EQ(model("max,family=15,model=107,stepping=1").signature(), 0x60fb1u);
}

TEST(Cpuid, osxsave_follows_cr4) {
    CpuModel const cpu = model("max");
    GuestCpu state;
    EXPECT_EQ(cpu.cpuid(1, 0, state).ecx & (1u << 27), 0u);
    state.cr4 = state.cr4.with<Cr4::OSXSAVE>(1);
    EXPECT_NE(cpu.cpuid(1, 0, state).ecx & (1u << 27), 0u);
}

TEST(Cpuid, announces_the_hypervisor_and_its_frequencies) {
    CpuModel cpu = model("max");
    cpu.set_tsc_khz(2'000'000);
    EXPECT_NE(cpu.cpuid(1, 0, GuestCpu{}).ecx & (1u << 31), 0u);
    auto const leaf = cpu.cpuid(0x4000'0000, 0, GuestCpu{});
    EXPECT_EQ(leaf.eax, 0x4000'0010u);
    EXPECT_EQ(leaf.ebx, 0x676e'6972u) << "'ring'";
    EXPECT_EQ(cpu.cpuid(0x4000'0010, 0, GuestCpu{}).eax, 2'000'000u);
    auto const ratio = cpu.cpuid(0x15, 0, GuestCpu{});
    EXPECT_EQ(u64{ratio.ecx} * ratio.ebx / ratio.eax, 2'000'000'000u);
}

TEST(Cpuid, has_no_long_mode_and_36_physical_bits) {
    CpuModel const cpu = model("max");
    EXPECT_EQ(cpu.cpuid(0x8000'0001, 0, GuestCpu{}).edx & (1u << 29), 0u);
    EXPECT_EQ(cpu.cpuid(0x8000'0008, 0, GuestCpu{}).eax & 0xff, 36u);
}

TEST(Cpuid, beyond_the_highest_leaf_answers_as_the_highest_one) {
    CpuModel const cpu = model("pentium3");
    EXPECT_EQ(cpu.cpuid(0x8000'0000, 0, GuestCpu{}).eax, cpu.cpuid(3, 0, GuestCpu{}).eax);
    EXPECT_EQ(cpu.cpuid(100, 0, GuestCpu{}).edx, cpu.cpuid(3, 0, GuestCpu{}).edx);
}

} // namespace
} // namespace ring3
