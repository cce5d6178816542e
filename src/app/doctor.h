// `ring3 doctor`: what this host can and cannot do for guests, as typed findings. It looks; it changes nothing.
#pragma once

#include "base/types.h"

#include <span>
#include <string>
#include <vector>

namespace ring3::app {

enum class Level : u8 { ok, warn, fail };

struct Finding {
    Level level{};
    std::string id; // stable, for programs
    std::string text;
};

/// Where the findings come from; tests put their own in.
struct HostFacts {
    std::string cpu_name;
    std::vector<std::string> cpu_flags;
    bool memfd{}, seccomp{}, pidfd{};
    bool fsgsbase{}; // the processor has it and the kernel lets user code use it
    u64 max_map_count{};
    u64 available_memory{};    // bytes
    u64 address_space_limit{}; // bytes; all ones: none
    u64 max_processes{};
    int overcommit{};  // vm.overcommit_memory
    u64 commit_room{}; // bytes that may still be reserved under mode 2
    bool has_kvm{};
    std::string guest_kernel; // empty: the default guest is missing
};

/// As the host's kernel calls it.
std::string processor_name();
HostFacts look_at_host();
std::vector<Finding> diagnose(HostFacts const& facts);

/// One finding a line: "ok    cpu  AMD EPYC".
std::string as_text(std::span<Finding const> findings);
std::string as_json(std::span<Finding const> findings);
/// 0, or ExitStatus::host_lacks if something failed.
int doctor_status(std::span<Finding const> findings);

} // namespace ring3::app
