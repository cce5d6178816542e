#include "app/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace ring3::app {

namespace {

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    ::sigemptyset(&set);
    for (int const signal : signals) ::sigaddset(&set, signal);
    return set;
}

} // namespace

SignalSource::SignalSource(EventLoop& loop, std::function<void(int)> arrived)
    : loop_{loop}, arrived_{std::move(arrived)} {
    sigset_t const caught = set_of({SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT});
    ::sigprocmask(SIG_BLOCK, &caught, &before_);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN); // a disk image at its limit is the guest's full disk, not our end
    fd_ = host::FileDescriptor{::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK)};
    loop_.add(*this);
}

SignalSource::~SignalSource() {
    loop_.remove(*this);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

short SignalSource::interest() const {
    return POLLIN;
}

void SignalSource::ready(short) {
    signalfd_siginfo info{};
    if (::read(fd_.number(), &info, sizeof info) == sizeof info) arrived_(static_cast<int>(info.ssi_signo));
}

void die_by(int signal) {
    ::signal(signal, SIG_DFL);
    sigset_t const only = set_of({signal});
    ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
    ::raise(signal);
}

} // namespace ring3::app
