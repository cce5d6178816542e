#include "host/sandbox.h"

#include "host/file_descriptor.h"
#include "host/guest_trap.h"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <memory>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

namespace ring3::host {

namespace {

constexpr int any = -1;

// Every descriptor was closed but the eventfds, the RAM memfd and the pipe for last words, and none can be opened:
// that is why read and write need no further restriction. Nothing here names a file, a process or a socket, makes a
// thread, or makes memory executable (the code arenas exist before). A signal handler that the guest's code could put
// in place would still run in here.
constexpr std::array allowed{
    AllowedCall{SCMP_SYS(read), any, 0, "take signals from the eventfd"},
    AllowedCall{SCMP_SYS(write), any, 0, "signal the app's eventfd; last words on standard error"},
    AllowedCall{SCMP_SYS(ppoll), any, 0, "sleep until a timer's deadline or a message (HLT)"},
    AllowedCall{SCMP_SYS(clock_gettime), any, 0, "guest time, where the vDSO cannot answer"},
    AllowedCall{SCMP_SYS(mmap), 2, PROT_EXEC, "memory for the allocator; windows onto guest RAM"},
    AllowedCall{SCMP_SYS(munmap), any, 0, "give such memory back"},
    AllowedCall{SCMP_SYS(mremap), any, 0, "realloc of a large block"},
    AllowedCall{SCMP_SYS(mprotect), 2, PROT_EXEC, "guard pages and write tracking"},
    AllowedCall{SCMP_SYS(madvise), any, 0, "return unused pages to the host"},
    AllowedCall{SCMP_SYS(brk), any, 0, "the allocator's heap"},
    AllowedCall{SCMP_SYS(futex), any, 0, "locks between a monitor's threads"},
    AllowedCall{SCMP_SYS(timer_settime), any, 0, "arm the timer that preempts translated code; it exists before"},
    AllowedCall{SCMP_SYS(rt_sigreturn), any, 0, "leave a signal handler: every trap of translated code"},
    AllowedCall{SCMP_SYS(rt_sigaction), any, 0, "give a fault of our own its default action back, and die by it"},
    AllowedCall{SCMP_SYS(rt_sigprocmask), any, 0, "abort() unblocks SIGABRT"},
    AllowedCall{SCMP_SYS(getpid), any, 0, "abort() names its process"},
    AllowedCall{SCMP_SYS(gettid), any, 0, "abort() names its thread"},
    AllowedCall{SCMP_SYS(tgkill), any, 0, "abort() raises SIGABRT; restricted to this process"},
    AllowedCall{SCMP_SYS(restart_syscall), any, 0, "the host kernel resumes a sleep after SIGCONT"},
    AllowedCall{SCMP_SYS(exit_group), any, 0, "end the process"},
};
static_assert(allowed.size() <= 20, "the sandbox stays a list that a person reads");

/// For processors and kernels without FSGSBASE only, in addition. The forbidden bits leave ARCH_SET_GS (1001H) and
/// numbers that mean nothing.
constexpr AllowedCall set_gs{SCMP_SYS(arch_prctl), 0, ~0x1001ul, "switch the window that gs: operands address"};

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

int add_rule(scmp_filter_ctx filter, AllowedCall const& call) {
    if (call.number == SCMP_SYS(tgkill)) {
        auto const self = static_cast<scmp_datum_t>(::getpid());
        return ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call.number, 1, SCMP_A0_64(SCMP_CMP_EQ, self, 0));
    }
    if (call.restricted_argument == any) return ::seccomp_rule_add(filter, SCMP_ACT_ALLOW, call.number, 0);
    scmp_arg_cmp const unset{static_cast<unsigned>(call.restricted_argument), SCMP_CMP_MASKED_EQ, call.forbidden, 0};
    return ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call.number, 1, &unset);
}

Result<void> add_checked(scmp_filter_ctx filter, AllowedCall const& call) {
    if (int const error = add_rule(filter, call); error < 0)
        return fail(ExitStatus::internal, fmt::format("seccomp rule {}: {}", call.number, errno_text(-error)));
    return {};
}

Result<void> load_filter() {
    Filter const filter{::seccomp_init(SCMP_ACT_KILL_PROCESS), ::seccomp_release};
    if (!filter) return fail(ExitStatus::host_lacks, "cannot prepare a seccomp filter");
    for (auto const& call : allowed) TRY_VOID(add_checked(filter.get(), call));
    if (!has_fsgsbase()) TRY_VOID(add_checked(filter.get(), set_gs));
    if (int const error = ::seccomp_load(filter.get()); error < 0)
        return fail(ExitStatus::host_lacks, fmt::format("cannot load the seccomp filter: {}", errno_text(-error)));
    return {};
}

} // namespace

std::span<AllowedCall const> allowed_calls() {
    return allowed;
}

Result<void> confine() {
    // Not dumpable: no other process of this user may attach to it or read its memory (prctl(2)).
    if (::prctl(PR_SET_DUMPABLE, 0) < 0) return fail_errno(ExitStatus::host_lacks, "cannot set PR_SET_DUMPABLE");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail_errno(ExitStatus::host_lacks, "cannot set PR_SET_NO_NEW_PRIVS");
    return load_filter();
}

bool sanitizer_build() {
#if defined(RING3_ADDRESS_SANITIZER)
    return true;
#else
    return false;
#endif
}

} // namespace ring3::host
