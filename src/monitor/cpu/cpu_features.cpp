#include "monitor/cpu/cpu_features.h"

#include <algorithm>

namespace ring3 {

namespace {

using F = insn::Feature;
using W = CpuidWord;
constexpr Support monitor = Support::monitor;
constexpr Support host = Support::host;
constexpr Support never = Support::never;

// clang-format off
constexpr auto rows = std::to_array<FeatureRow>({
    {"fpu",            W::leaf_1_edx,  0, host,    F::fpu},
    {"vme",            W::leaf_1_edx,  1, monitor},
    {"de",             W::leaf_1_edx,  2, monitor},
    {"pse",            W::leaf_1_edx,  3, monitor},
    {"tsc",            W::leaf_1_edx,  4, monitor, F::tsc},
    {"msr",            W::leaf_1_edx,  5, monitor, F::msr},
    {"pae",            W::leaf_1_edx,  6, monitor},
    {"mce",            W::leaf_1_edx,  7, monitor},
    {"cx8",            W::leaf_1_edx,  8, monitor, F::cx8},
    {"apic",           W::leaf_1_edx,  9, monitor},
    {"sep",            W::leaf_1_edx, 11, monitor, F::sep},
    {"mtrr",           W::leaf_1_edx, 12, monitor},
    {"pge",            W::leaf_1_edx, 13, monitor},
    {"mca",            W::leaf_1_edx, 14, monitor},
    {"cmov",           W::leaf_1_edx, 15, monitor, F::cmov},
    {"pat",            W::leaf_1_edx, 16, monitor},
    {"pse36",          W::leaf_1_edx, 17, monitor},
    {"pn",             W::leaf_1_edx, 18, never},
    {"clflush",        W::leaf_1_edx, 19, monitor, F::clflush},
    {"ds",             W::leaf_1_edx, 21, never},
    {"acpi",           W::leaf_1_edx, 22, never},
    {"mmx",            W::leaf_1_edx, 23, host,    F::mmx},
    {"fxsr",           W::leaf_1_edx, 24, host,    F::fxsr},
    {"sse",            W::leaf_1_edx, 25, host,    F::sse},
    {"sse2",           W::leaf_1_edx, 26, host,    F::sse2},
    {"ss",             W::leaf_1_edx, 27, monitor},
    {"ht",             W::leaf_1_edx, 28, never},
    {"tm",             W::leaf_1_edx, 29, never},
    {"pbe",            W::leaf_1_edx, 31, never},

    {"pni",            W::leaf_1_ecx,  0, host,    F::sse3},
    {"sse3",           W::leaf_1_ecx,  0, host,    F::sse3},
    {"pclmulqdq",      W::leaf_1_ecx,  1, host,    F::pclmul},
    {"dtes64",         W::leaf_1_ecx,  2, never},
    {"monitor",        W::leaf_1_ecx,  3, Support::on_demand, F::monitor},
    {"ds-cpl",         W::leaf_1_ecx,  4, never},
    {"vmx",            W::leaf_1_ecx,  5, never},
    {"smx",            W::leaf_1_ecx,  6, never},
    {"est",            W::leaf_1_ecx,  7, never},
    {"tm2",            W::leaf_1_ecx,  8, never},
    {"ssse3",          W::leaf_1_ecx,  9, host,    F::ssse3},
    {"cid",            W::leaf_1_ecx, 10, never},
    {"fma",            W::leaf_1_ecx, 12, host,    F::fma},
    {"cx16",           W::leaf_1_ecx, 13, never},
    {"xtpr",           W::leaf_1_ecx, 14, never},
    {"pdcm",           W::leaf_1_ecx, 15, never},
    {"pcid",           W::leaf_1_ecx, 17, never},
    {"dca",            W::leaf_1_ecx, 18, never},
    {"sse4-1",         W::leaf_1_ecx, 19, host,    F::sse41},
    {"sse4-2",         W::leaf_1_ecx, 20, host,    F::sse42},
    {"x2apic",         W::leaf_1_ecx, 21, never},
    {"movbe",          W::leaf_1_ecx, 22, monitor, F::movbe},
    {"popcnt",         W::leaf_1_ecx, 23, host,    F::popcnt},
    {"tsc-deadline",   W::leaf_1_ecx, 24, never},
    {"aes",            W::leaf_1_ecx, 25, host,    F::aes},
    {"xsave",          W::leaf_1_ecx, 26, host,    F::xsave},
    {"avx",            W::leaf_1_ecx, 28, host,    F::avx},
    {"f16c",           W::leaf_1_ecx, 29, host,    F::f16c},
    {"rdrand",         W::leaf_1_ecx, 30, host,    F::rdrand},
    {"hypervisor",     W::leaf_1_ecx, 31, monitor},

    {"arat",           W::leaf_6_eax,  2, monitor},

    {"fsgsbase",       W::leaf_7_ebx,  0, never,   F::fsgsbase},
    {"tsc-adjust",     W::leaf_7_ebx,  1, monitor},
    {"sgx",            W::leaf_7_ebx,  2, never},
    {"bmi1",           W::leaf_7_ebx,  3, host,    F::bmi1},
    {"hle",            W::leaf_7_ebx,  4, never},
    {"avx2",           W::leaf_7_ebx,  5, host,    F::avx2},
    {"fdp-excptn-only", W::leaf_7_ebx, 6, host},
    {"smep",           W::leaf_7_ebx,  7, monitor},
    {"bmi2",           W::leaf_7_ebx,  8, host,    F::bmi2},
    {"erms",           W::leaf_7_ebx,  9, monitor},
    {"invpcid",        W::leaf_7_ebx, 10, monitor, F::invpcid},
    {"rtm",            W::leaf_7_ebx, 11, never},
    {"zero-fcs-fds",   W::leaf_7_ebx, 13, host},
    {"mpx",            W::leaf_7_ebx, 14, never},
    {"avx512f",        W::leaf_7_ebx, 16, never},
    {"rdseed",         W::leaf_7_ebx, 18, host,    F::rdseed},
    {"adx",            W::leaf_7_ebx, 19, host,    F::adx},
    {"smap",           W::leaf_7_ebx, 20, Support::on_demand, F::smap},
    {"clflushopt",     W::leaf_7_ebx, 23, monitor, F::clflushopt},
    {"clwb",           W::leaf_7_ebx, 24, monitor, F::clwb},
    {"sha-ni",         W::leaf_7_ebx, 29, host,    F::sha},

    {"umip",           W::leaf_7_ecx,  2, monitor},
    {"pku",            W::leaf_7_ecx,  3, never},
    {"gfni",           W::leaf_7_ecx,  8, host,    F::gfni},
    {"vaes",           W::leaf_7_ecx,  9, host,    F::vaes},
    {"vpclmulqdq",     W::leaf_7_ecx, 10, host,    F::vpclmul},
    {"rdpid",          W::leaf_7_ecx, 22, monitor, F::rdpid},

    {"fsrm",           W::leaf_7_edx,  4, monitor},
    {"spec-ctrl",      W::leaf_7_edx, 26, never},
    {"stibp",          W::leaf_7_edx, 27, never},
    {"arch-capabilities", W::leaf_7_edx, 29, never},
    {"ssbd",           W::leaf_7_edx, 31, never},

    {"xsaveopt",       W::leaf_d1_eax, 0, host,    F::xsaveopt},
    {"xsavec",         W::leaf_d1_eax, 1, never},
    {"xgetbv1",        W::leaf_d1_eax, 2, never},
    {"xsaves",         W::leaf_d1_eax, 3, never},

    {"syscall",        W::leaf_80000001_edx, 11, never},
    {"nx",             W::leaf_80000001_edx, 20, monitor},
    {"mmxext",         W::leaf_80000001_edx, 22, never},
    {"fxsr-opt",       W::leaf_80000001_edx, 25, never},
    {"pdpe1gb",        W::leaf_80000001_edx, 26, never},
    {"rdtscp",         W::leaf_80000001_edx, 27, monitor, F::rdtscp},
    {"lm",             W::leaf_80000001_edx, 29, never},
    {"3dnowext",       W::leaf_80000001_edx, 30, never},
    {"3dnow",          W::leaf_80000001_edx, 31, never},

    {"lahf-lm",        W::leaf_80000001_ecx, 0, monitor},
    {"cmp-legacy",     W::leaf_80000001_ecx, 1, never},
    {"svm",            W::leaf_80000001_ecx, 2, never},
    {"abm",            W::leaf_80000001_ecx, 5, host,    F::lzcnt},
    {"lzcnt",          W::leaf_80000001_ecx, 5, host,    F::lzcnt},
    {"sse4a",          W::leaf_80000001_ecx, 6, never},
    {"misalignsse",    W::leaf_80000001_ecx, 7, never},
    {"3dnowprefetch",  W::leaf_80000001_ecx, 8, monitor, F::prefetchw},

    {"invtsc",         W::leaf_80000007_edx, 8, monitor},
});
// clang-format on

/// The separator that QEMU writes as '-', '_' or '.'.
constexpr char canonical(char c) {
    return c == '_' || c == '.' ? '-' : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, canonical, canonical);
}

} // namespace

std::span<FeatureRow const> feature_rows() {
    return rows;
}

FeatureRow const* find_feature(std::string_view name) {
    auto const found = std::ranges::find_if(rows, [name](FeatureRow const& row) { return same_name(row.name, name); });
    return found == rows.end() ? nullptr : &*found;
}

} // namespace ring3
