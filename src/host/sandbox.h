// The sandbox: a monitor's last act before it runs its guest. Afterwards it can compute, use memory, wait, and signal
// its eventfds; any other system call kills it, and the app reports that.
#pragma once

#include "base/result.h"

#include <span>

namespace ring3::host {

/// One system call that a confined process may make, and why.
struct AllowedCall {
    int number;
    /// An argument that is restricted: `argument & forbidden` must be 0. -1: every call is allowed.
    int restricted_argument;
    unsigned long forbidden;
    char const* reason;
};

/// The whole list (defined in sandbox.cpp).
std::span<AllowedCall const> allowed_calls();

/// Confines the calling process for good: no new privileges, not dumpable, seccomp with allowed_calls(), anything else
/// kills the process (SIGSYS). Irreversible. To be called after everything is opened and mapped.
Result<void> confine();

/// True in builds whose sanitizer run-time makes system calls that the sandbox forbids.
bool sanitizer_build();

} // namespace ring3::host
