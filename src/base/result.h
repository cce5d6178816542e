// Errors of the host and of people: Result<T> and TRY.
//
// Three kinds of error, three idioms, never mixed:
//     the guest did something   an ordinary value (monitor/cpu/outcome.h)
//     the host refused          Result<T> + TRY, below
//     we are wrong              ASSERT (base/assert.h)
#pragma once

#include "base/types.h"

#include <expected>
#include <string>
#include <utility>

namespace ring3 {

/// The process's own exit statuses. All even: odd ones belong to isa-debug-exit, which yields (value << 1) + 1.
enum class ExitStatus : u8 {
    ok = 0,
    usage = 64,         // a bad command line
    internal = 70,      // ring3's own fault, or a monitor that died
    io = 74,            // a file, socket or terminal failed
    host_lacks = 76,    // the host lacks a feature that was asked for
    configuration = 78, // a value, image or file whose content cannot be used
};

/// One line for a person: what is wrong and what to do, without a final full stop or newline.
struct Error {
    ExitStatus status{ExitStatus::internal};
    std::string message;
};

template <class T> using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ExitStatus status, std::string message) {
    return std::unexpected(Error{status, std::move(message)});
}

} // namespace ring3

/// The value of a Result, or return its error from the calling function. Not to be nested (-Wshadow).
#define TRY(expression)                                                                                                \
    __extension__({                                                                                                    \
        auto&& result_ = (expression);                                                                                 \
        if (!result_) [[unlikely]]                                                                                     \
            return std::unexpected(std::move(result_).error());                                                        \
        *std::move(result_);                                                                                           \
    })

/// TRY for a Result<void>.
#define TRY_VOID(expression)                                                                                           \
    do {                                                                                                               \
        if (auto&& result_ = (expression); !result_) [[unlikely]]                                                      \
            return std::unexpected(std::move(result_).error());                                                        \
    } while (0)
