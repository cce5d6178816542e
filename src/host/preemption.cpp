// The two things that stop translated code from outside: the timer and the app's doorbell (guest_trap.h).
#include "host/file_descriptor.h"
#include "host/guest_trap.h"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

namespace ring3::host {

// The system calls themselves: glibc's timer_t is a pointer that hides the kernel's number.
Result<PreemptionTimer> PreemptionTimer::create() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
    int id = -1;
    if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) < 0)
        return fail_errno(ExitStatus::host_lacks, "cannot create a timer");
    return PreemptionTimer{id};
}

PreemptionTimer::PreemptionTimer(PreemptionTimer&& other) noexcept : id_{std::exchange(other.id_, -1)} {}

/// The kernel's timer itself lives until the process ends: a confined process may not delete it.
PreemptionTimer::~PreemptionTimer() {
    if (id_ >= 0) disarm();
}

static void set_timer(int id, u64 delay) {
    itimerspec setting{};
    setting.it_value = {static_cast<time_t>(delay / 1'000'000'000), static_cast<long>(delay % 1'000'000'000)};
    ::syscall(SYS_timer_settime, id, 0, &setting, nullptr);
}

void PreemptionTimer::arm(u64 delay) {
    set_timer(id_, std::max<u64>(delay, 1)); // 0 would disarm it
}

void PreemptionTimer::disarm() {
    set_timer(id_, 0);
}

void ring_doorbell(int pid) {
    if (pid > 0) ::kill(pid, SIGALRM); // 0 and below mean groups of processes
}

} // namespace ring3::host
