#include "app/terminal.h"

#include <csignal>
#include <termios.h>
#include <unistd.h>

namespace ring3::app {

namespace {

// A process has one terminal, and a handler of fatal signals can reach only what is static: hence no member.
struct Saved {
    int fd;
    termios before;
    termios raw;
};
volatile std::sig_atomic_t saved_is_valid = 0;
Saved saved;

constexpr int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

void apply(termios const& settings) {
    if (saved_is_valid) ::tcsetattr(saved.fd, TCSADRAIN, &settings); // async-signal-safe
}

void restore_and_die(int signal) {
    apply(saved.before);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

} // namespace

RawTerminal::RawTerminal(int fd, TerminalSignals signals) {
    if (::tcgetattr(fd, &saved.before) < 0) return;
    saved.fd = fd;
    saved.raw = saved.before;
    saved.raw.c_iflag &= ~tcflag_t{IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON};
    // OPOST stays: the guest's terminal driver writes CR LF by itself, and messages of ours need the translation.
    saved.raw.c_lflag &= ~tcflag_t{ECHO | ECHONL | ICANON | IEXTEN};
    if (signals == TerminalSignals::to_guest) saved.raw.c_lflag &= ~tcflag_t{ISIG};
    saved.raw.c_cc[VMIN] = 1;
    saved.raw.c_cc[VTIME] = 0;
    saved_is_valid = 1;
    for (int const signal : fatal_signals) ::signal(signal, restore_and_die);
    apply(saved.raw);
}

RawTerminal::~RawTerminal() {
    apply(saved.before);
    saved_is_valid = 0;
    for (int const signal : fatal_signals) ::signal(signal, SIG_DFL);
}

void RawTerminal::restore_now() {
    apply(saved.before);
}

void RawTerminal::make_raw_again() {
    apply(saved.raw);
}

} // namespace ring3::app
