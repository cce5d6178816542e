// look_at_resources(): from the limits and /proc.
#include "allocator/allocator.h"

#include <fstream>
#include <sys/resource.h>
#include <sys/sysinfo.h>

namespace ring3 {

namespace {

u64 limit(__rlimit_resource resource) {
    struct rlimit value {};
    bool const known = ::getrlimit(resource, &value) == 0 && value.rlim_cur != RLIM_INFINITY;
    return known ? u64{value.rlim_cur} : ~u64{0};
}

u64 memory_and_swap() {
    struct sysinfo info {};
    if (::sysinfo(&info) != 0) return ~u64{0};
    return (u64{info.totalram} + info.totalswap) * info.mem_unit;
}

u64 max_mappings() {
    constexpr u64 usual = 65530;
    std::ifstream file{"/proc/sys/vm/max_map_count"};
    u64 number = 0;
    return file >> number ? number : usual;
}

} // namespace

HostResources look_at_resources() {
    return {memory_and_swap(), limit(RLIMIT_AS), limit(RLIMIT_FSIZE), max_mappings()};
}

} // namespace ring3
