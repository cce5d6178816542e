#include "app/doctor.h"

#include "base/result.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace ring3::app {

namespace {

constexpr u64 mebibyte = 1 << 20;

std::string_view name_of(Level level) {
    switch (level) {
    case Level::ok: return "ok";
    case Level::warn: return "warn";
    case Level::fail: return "fail";
    }
    return "fail";
}

Finding must(bool there, std::string id, std::string_view good, std::string_view bad) {
    return {there ? Level::ok : Level::fail, std::move(id), std::string{there ? good : bad}};
}

Finding should(bool there, std::string id, std::string_view good, std::string_view bad) {
    return {there ? Level::ok : Level::warn, std::move(id), std::string{there ? good : bad}};
}

/// Vector instructions of the guest run on the host's own units (XSAVE swaps them); the rest only widens what a guest
/// may be offered.
std::vector<std::string_view> missing(HostFacts const& facts, std::initializer_list<std::string_view> wanted) {
    std::vector<std::string_view> result;
    for (auto const flag : wanted)
        if (std::ranges::find(facts.cpu_flags, flag) == facts.cpu_flags.end()) result.push_back(flag);
    return result;
}

Finding required_features(HostFacts const& facts) {
    auto const lacking = missing(facts, {"fxsr", "sse2", "cx8", "tsc", "xsave"});
    return must(lacking.empty(), "cpu-required", "the processor has every feature that ring3 needs",
                fmt::format("the processor lacks {}: floating-point and vector code of guests cannot run",
                            fmt::join(lacking, ", ")));
}

Finding optional_features(HostFacts const& facts) {
    auto const lacking = missing(facts, {"sse3", "pni", "ssse3", "sse4_1", "sse4_2", "aes", "pclmulqdq", "avx", "avx2",
                                         "fma", "bmi1", "bmi2", "sha_ni", "rdrand", "rdseed"});
    // Linux calls SSE3 "pni"; older kernels do not list "sse3" at all.
    auto shown = lacking;
    std::erase(shown, "sse3");
    return should(shown.empty(), "cpu-optional", "guests can have every optional feature",
                  fmt::format("guests cannot have {}", fmt::join(shown, ", ")));
}

/// Between two guest instructions the translator needs some that leave the flags alone: RORX, PEXT.
Finding translator(HostFacts const& facts) {
    return must(missing(facts, {"bmi2"}).empty(), "engine",
                "guest code is translated; 'ring3 isa' says why it cannot simply be run",
                "the processor lacks bmi2, which the translator needs: guests run only with --engine interpret");
}

Finding memory(HostFacts const& facts) {
    return should(facts.available_memory >= 512 * mebibyte, "memory",
                  fmt::format("{} MiB of memory are available", facts.available_memory / mebibyte),
                  fmt::format("only {} MiB of memory are available: give guests less with --memory",
                              facts.available_memory / mebibyte));
}

Finding address_space(HostFacts const& facts) {
    constexpr u64 enough = u64{8} << 30;
    return should(facts.address_space_limit >= enough, "address-space", "the address space is large enough",
                  "ulimit -v is below 8 GiB: guests with much memory will not start");
}

Finding map_count(HostFacts const& facts) {
    return should(facts.max_map_count >= 65530, "map-count", fmt::format("vm.max_map_count is {}", facts.max_map_count),
                  fmt::format("vm.max_map_count is {}: less than the usual 65530", facts.max_map_count));
}

/// Under mode 2, addresses count when they are reserved, whatever a program says (proc(5)). A jump table reserves 16 GiB, of
/// which it touches little, and a guest has several.
Finding overcommit(HostFacts const& facts) {
    constexpr u64 enough = u64{64} << 30, gibibyte = u64{1} << 30;
    bool const strict = facts.overcommit == 2;
    if (!strict || facts.commit_room >= enough)
        return {Level::ok, "overcommit",
                strict ? "vm.overcommit_memory is 2, with room enough" : "memory is reserved when it is touched"};
    return {
        Level::fail, "overcommit",
        fmt::format("vm.overcommit_memory is 2 and leaves {} GiB: the translator's jump tables, 16 GiB of addresses "
                    "each, do not fit, and guests run only with --engine interpret",
                    facts.commit_room / gibibyte)};
}

} // namespace

std::vector<Finding> diagnose(HostFacts const& facts) {
    return {
        {Level::ok, "cpu", facts.cpu_name},
        required_features(facts),
        optional_features(facts),
        must(facts.memfd, "memfd", "memfd_create works", "memfd_create is not allowed: guests have no memory"),
        must(facts.seccomp, "seccomp", "seccomp filters work: monitors are confined",
             "seccomp filters are not allowed: monitors run only with --sandbox off"),
        must(facts.pidfd, "pidfd", "pidfd_open works", "pidfd_open is missing: Linux 5.3 or later is needed"),
        should(facts.fsgsbase, "fsgsbase", "guest address spaces are switched without a system call",
               "no FSGSBASE (Linux 5.9 and a processor since 2012): switches of address spaces are slower"),
        memory(facts),
        address_space(facts),
        map_count(facts),
        overcommit(facts),
        should(facts.max_processes >= 16, "processes", "there may be enough processes",
               "ulimit -u is very low: each guest is a process of its own"),
        {Level::ok, "kvm", facts.has_kvm ? "/dev/kvm is there; ring3 does not need it" : "no /dev/kvm: not needed"},
        translator(facts),
        should(!facts.guest_kernel.empty(), "guest", fmt::format("default guest: {}", facts.guest_kernel),
               "the default guest is missing: 'make guest' fetches it"),
    };
}

std::string as_text(std::span<Finding const> findings) {
    std::string text;
    for (auto const& finding : findings)
        text += fmt::format("{:<5} {:<14} {}\n", name_of(finding.level), finding.id, finding.text);
    return text;
}

std::string as_json(std::span<Finding const> findings) {
    auto list = nlohmann::ordered_json::array();
    for (auto const& finding : findings)
        list.push_back({{"level", name_of(finding.level)}, {"id", finding.id}, {"text", finding.text}});
    // Text that the host gave us (a processor's name) need not be UTF-8.
    nlohmann::ordered_json const document{{"version", RING3_VERSION}, {"findings", list}};
    return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int doctor_status(std::span<Finding const> findings) {
    bool const failed = std::ranges::any_of(findings, [](auto const& f) { return f.level == Level::fail; });
    return failed ? static_cast<int>(ExitStatus::host_lacks) : 0;
}

} // namespace ring3::app
