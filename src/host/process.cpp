#include "host/process.h"

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace ring3::host {

pid_t fork_with_signals_blocked() {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t const child = ::fork();
    if (child != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return child;
}

void reset_signals() {
    for (int signal = 1; signal < NSIG; ++signal) // SIGKILL and SIGSTOP refuse; no matter
        ::signal(signal, signal == SIGALRM ? SIG_IGN : SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

Result<void> die_with_parent(pid_t parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return fail_errno(ExitStatus::host_lacks, "cannot set PR_SET_PDEATHSIG");
    // The parent may have died before the call above: nobody would tell us any more.
    if (::getppid() != parent) ::_exit(static_cast<int>(ExitStatus::internal));
    return {};
}

Result<void> close_everything_but(std::span<int const> keep) {
    std::vector<unsigned> kept;
    for (int const fd : keep)
        if (fd >= 0) kept.push_back(static_cast<unsigned>(fd));
    kept.push_back(UINT_MAX); // so that the last gap is closed like the others
    std::ranges::sort(kept);
    unsigned next = 0;
    for (unsigned const fd : kept) {
        if (fd > next && ::close_range(next, fd - 1, 0) < 0)
            return fail_errno(ExitStatus::host_lacks, "cannot close file descriptors");
        next = fd + 1;
    }
    return {};
}

Result<FileDescriptor> open_pidfd(pid_t process) {
    long const fd = ::syscall(SYS_pidfd_open, process, 0);
    if (fd < 0) return fail_errno(ExitStatus::host_lacks, "cannot open a pidfd");
    return FileDescriptor{static_cast<int>(fd)};
}

std::string signal_text(int signal) {
    char const* const description = ::sigdescr_np(signal);
    return fmt::format("signal {} ({})", signal, description ? description : "unknown");
}

} // namespace ring3::host
