// SparseMemory: a large range of zeroed addresses of which only the pages that are written take memory.
#pragma once

#include "base/result.h"

namespace ring3::host {

class SparseMemory {
public:
    /// `size` is a multiple of the page size, and may be many times what the host has.
    static Result<SparseMemory> create(std::size_t size);
    SparseMemory(SparseMemory&& other) noexcept;
    SparseMemory& operator=(SparseMemory&&) = delete;
    ~SparseMemory();

    u8* data() const { return data_; }
    /// All zeros again; gives everything back to the host, the host's own page tables included.
    void reset();

private:
    SparseMemory(u8* data, std::size_t size) : data_{data}, size_{size} {}
    u8* data_;
    std::size_t size_;
};

} // namespace ring3::host
