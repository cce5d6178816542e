// GuardedMemory: zeroed memory behind an inaccessible page, for a stack that grows towards it.
#pragma once

#include "base/result.h"

namespace ring3::host {

class GuardedMemory {
public:
    /// `size` is a multiple of the page size.
    static Result<GuardedMemory> create(std::size_t size);
    GuardedMemory(GuardedMemory&& other) noexcept;
    GuardedMemory& operator=(GuardedMemory&&) = delete;
    ~GuardedMemory();

    u8* data() const { return data_; }

private:
    GuardedMemory(u8* data, std::size_t size) : data_{data}, size_{size} {}
    u8* data_;
    std::size_t size_;
};

} // namespace ring3::host
