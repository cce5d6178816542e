// The person's terminal, in raw mode while a guest uses it, and as it was in every case afterwards.
#pragma once

#include "app/vm_settings.h"

namespace ring3::app {

/// While it lives, the terminal on `fd` passes every key on at once. Does nothing if `fd` is no terminal.
class RawTerminal {
public:
    RawTerminal(int fd, TerminalSignals signals);
    ~RawTerminal();
    RawTerminal(RawTerminal const&) = delete;

    /// Around a stop by job control (Ctrl-Z from outside).
    static void restore_now();
    static void make_raw_again();
};

} // namespace ring3::app
