// Answer: what the host's kernel gave, or the errno that the guest is told. Numbers are Linux's, on both sides.
#pragma once

#include <cerrno>
#include <expected>

namespace ring3::p9 {

struct Errno {
    int value{};
};

template <class T> using Answer = std::expected<T, Errno>;

inline std::unexpected<Errno> refuse(int error) {
    return std::unexpected(Errno{error});
}

/// The failure in errno.
inline std::unexpected<Errno> host_refused() {
    return refuse(errno);
}

/// For calls that give a negative number when they fail.
template <class Number> Answer<Number> checked(Number result) {
    if (result < 0) return host_refused();
    return result;
}

} // namespace ring3::p9
