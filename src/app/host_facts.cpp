// look_at_host(): the facts behind `ring3 doctor`, from /proc, the limits, and by trying.
#include "app/default_guest.h"
#include "app/doctor.h"
#include "host/file_descriptor.h"
#include "host/guest_trap.h"
#include "host/process.h"
#include "host/sandbox.h"
#include "host/shared_memory.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::app {

namespace {

/// The value behind "key : value" or "key: value" in a /proc file.
std::string value_in(char const* path, std::string_view key) {
    std::ifstream file{path};
    for (std::string line; std::getline(file, line);) {
        auto const colon = line.find(':');
        if (colon == std::string::npos || !line.starts_with(key)) continue;
        auto const start = line.find_first_not_of(" \t", colon + 1);
        return start == std::string::npos ? "" : line.substr(start);
    }
    return "";
}

u64 number_in(char const* path) {
    std::ifstream file{path};
    u64 number = 0;
    file >> number;
    return number;
}

u64 memory_fact(std::string_view key) {
    std::istringstream text{value_in("/proc/meminfo", key)};
    u64 kibibytes = 0;
    text >> kibibytes;
    return kibibytes * 1024;
}

u64 limit(__rlimit_resource resource) {
    rlimit value{};
    return ::getrlimit(resource, &value) == 0 ? u64{value.rlim_cur} : 0; // RLIM_INFINITY is all ones
}

/// Confines a child, the only way to find out.
bool seccomp_works() {
    pid_t const child = ::fork();
    if (child == 0) ::_exit(host::confine() ? 0 : 1);
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

std::vector<std::string> words(std::string const& text) {
    std::istringstream stream{text};
    return {std::istream_iterator<std::string>{stream}, {}};
}

} // namespace

std::string processor_name() {
    auto name = value_in("/proc/cpuinfo", "model name");
    return name.empty() ? "unknown processor" : name;
}

HostFacts look_at_host() {
    HostFacts facts;
    facts.cpu_name = processor_name();
    facts.cpu_flags = words(value_in("/proc/cpuinfo", "flags"));
    facts.memfd = host::SharedMemory::create("ring3-doctor", page_size).has_value();
    facts.seccomp = seccomp_works();
    facts.pidfd = host::open_pidfd(::getpid()).has_value();
    facts.fsgsbase = host::has_fsgsbase();
    facts.max_map_count = number_in("/proc/sys/vm/max_map_count");
    facts.overcommit = static_cast<int>(number_in("/proc/sys/vm/overcommit_memory"));
    facts.available_memory = memory_fact("MemAvailable");
    u64 const limit_of_commits = memory_fact("CommitLimit"), committed = memory_fact("Committed_AS");
    facts.commit_room = limit_of_commits - std::min(limit_of_commits, committed);
    facts.address_space_limit = limit(RLIMIT_AS);
    facts.max_processes = limit(RLIMIT_NPROC);
    facts.has_kvm = ::access("/dev/kvm", F_OK) == 0;
    if (auto const guest = find_default_guest(guest_directories())) facts.guest_kernel = guest->kernel;
    return facts;
}

} // namespace ring3::app
