// What the host's processor can do: CPUID is the one sensitive instruction that user mode may execute (C5).
#include "monitor/cpu/cpu_features.h"

#include <cpuid.h>

namespace ring3 {

FeatureWords host_features() {
    FeatureWords host;
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(1, 0, &a, &b, &c, &d)) {
        host[CpuidWord::leaf_1_edx] = d;
        host[CpuidWord::leaf_1_ecx] = c;
    }
    if (__get_cpuid_count(6, 0, &a, &b, &c, &d)) host[CpuidWord::leaf_6_eax] = a;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        host[CpuidWord::leaf_7_ebx] = b;
        host[CpuidWord::leaf_7_ecx] = c;
        host[CpuidWord::leaf_7_edx] = d;
    }
    if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d)) host[CpuidWord::leaf_d1_eax] = a;
    if (__get_cpuid_count(0x8000'0001, 0, &a, &b, &c, &d)) {
        host[CpuidWord::leaf_80000001_edx] = d;
        host[CpuidWord::leaf_80000001_ecx] = c;
    }
    if (__get_cpuid_count(0x8000'0007, 0, &a, &b, &c, &d)) host[CpuidWord::leaf_80000007_edx] = d;
    return host;
}

} // namespace ring3
