// NativeArena: memory for code that we generate, mapped twice (W^X): once writable, once executable, never both.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <span>

namespace ring3::host {

class NativeArena {
public:
    /// Where the executable mapping lies: below 2 GiB, its addresses fit a displacement.
    enum class Place : u8 { anywhere, below_2_gib };
    /// `size` is a multiple of the page size. Makes the only system calls of the arena's life before its end.
    static Result<NativeArena> create(std::size_t size, Place place = Place::anywhere);
    NativeArena(NativeArena&& other) noexcept;
    NativeArena& operator=(NativeArena&&) = delete;
    ~NativeArena();

    /// The same bytes, to write and to run.
    std::span<u8> writable() { return {writable_, size_}; }
    u8 const* executable() const { return executable_; }

private:
    NativeArena(u8* writable, u8 const* executable, std::size_t size)
        : writable_{writable}, executable_{executable}, size_{size} {}

    u8* writable_;
    u8 const* executable_;
    std::size_t size_;
};

} // namespace ring3::host
