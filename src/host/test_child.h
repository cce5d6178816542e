// For tests: what cannot be tried in the test's own process, because it is for life or ends it, is done in a child.
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ring3::host {

/// The wait status of a child that runs `body`: it exits with 0, or with 1 if an expectation failed in it.
inline int status_of_child(std::function<void()> const& body) {
    pid_t const child = ::fork();
    if (child == 0) {
        body();
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

inline bool died_by(int status, int signal) {
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

} // namespace ring3::host
