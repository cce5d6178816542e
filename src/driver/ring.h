// A ring of bytes in shared memory with one writer and one reader, who do not trust each other.
//
//     read          written            both only ever grow, modulo 2^32; index = position modulo capacity
//       v              v
//     [ |x|x|x|x|x|x|x| | | | ]
//
// Each end keeps its own position in private memory and only publishes it: what the peer scribbles over it is never
// read back. The peer's position is checked (written - read <= capacity) each time it is fetched, and fetched once.
#pragma once

#include "base/types.h"

#include <atomic>
#include <optional>
#include <span>
#include <string_view>

namespace ring3::driver {

/// The part of a ring that both ends see. A cache line each, so that the ends do not slow each other down.
struct RingPositions {
    alignas(64) std::atomic<u32> written{};
    alignas(64) std::atomic<u32> read{};
};
static_assert(std::atomic<u32>::is_always_lock_free);

class RingWriter {
public:
    /// `bytes.size()` is a power of two.
    RingWriter(RingPositions& positions, std::span<u8> bytes) : positions_{&positions}, bytes_{bytes} {}

    /// Bytes that fit now. A peer that claims to have read what was not written yet gets no room at all.
    std::size_t room() const;
    /// Puts bytes behind what was put before; the reader sees nothing until publish(). Never more than room().
    void put(std::span<u8 const> bytes) { put(bytes.data(), bytes.size()); }
    void put(std::string_view text) { put(text.data(), text.size()); }
    void publish() { positions_->written.store(written_); }

private:
    void put(void const* from, std::size_t count);
    RingPositions* positions_;
    std::span<u8> bytes_;
    u32 written_{};
};

class RingReader {
public:
    RingReader(RingPositions& positions, std::span<u8 const> bytes) : positions_{&positions}, bytes_{bytes} {}

    /// Bytes that can be taken now; nothing if the peer's position is impossible.
    std::optional<std::size_t> available() const;
    /// Copies the next bytes out. Never more than available().
    void take(std::span<u8> out) { take(out.data(), out.size()); }
    void take(std::span<char> out) { take(out.data(), out.size()); }
    /// Gives the room of everything taken back to the writer.
    void publish() { positions_->read.store(read_); }

private:
    void take(void* to, std::size_t count);
    RingPositions* positions_;
    std::span<u8 const> bytes_;
    u32 read_{};
};

} // namespace ring3::driver
