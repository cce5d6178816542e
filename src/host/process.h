// What a child process does to itself before it becomes a monitor, and words for how a process ended.
#pragma once

#include "host/file_descriptor.h"

#include <span>
#include <string>
#include <sys/types.h>

namespace ring3::host {

/// fork(2); in the child every signal stays blocked until reset_signals(), so that none meets the parent's handlers.
pid_t fork_with_signals_blocked();

/// Default actions for all signals, and none blocked. But the doorbell's (guest_trap.h) is ignored: it may ring before
/// install_traps().
void reset_signals();

/// The calling process dies (SIGKILL) when its parent does, also if `parent` is dead already.
Result<void> die_with_parent(pid_t parent);

/// Closes every file descriptor of the process but those.
Result<void> close_everything_but(std::span<int const> keep);

/// A descriptor that becomes readable when the process has ended.
Result<FileDescriptor> open_pidfd(pid_t process);

/// "signal 11 (Segmentation fault)".
std::string signal_text(int signal);

} // namespace ring3::host
