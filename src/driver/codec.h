// Codec: messages to frames and back. Reading is where hostile bytes meet the first check: every field has its range,
// a field that a message does not have must be zero, and anything else is "malformed", never a guess.
#pragma once

#include "base/result.h"
#include "driver/message.h"

#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace ring3::driver {

/// What stands in front of every message in a ring.
struct Frame {
    u32 length{}; // of the payload that follows
    u8 kind{};    // index in the variant
    u8 port{};
    u8 flags{};
    u8 reserved{};
    u32 value{};
    friend constexpr bool operator==(Frame const&, Frame const&) = default;
};
static_assert(sizeof(Frame) == 12);

/// Follows a message's `fields` and fills a frame.
class FrameWriter {
public:
    void port(u8 const& port) { frame_.port = port; }
    void number(std::unsigned_integral auto const& value) { frame_.value = value; }
    void flag(bool const& value) { frame_.flags = u8(frame_.flags | (value ? 1u << flags_ : 0u)), ++flags_; }
    void bytes(std::string const& bytes) {
        payload_ = bytes;
        frame_.length = static_cast<u32>(bytes.size());
    }
    Frame frame_;
    std::string_view payload_;

private:
    unsigned flags_{};
};

/// Follows a message's `fields` and takes them out of a frame, checked.
class FrameReader {
public:
    FrameReader(Frame const& frame, std::string payload) : frame_{frame}, payload_{std::move(payload)} {}
    void port(u8& port) {
        port = std::exchange(frame_.port, u8{});
        good_ &= port < serial_ports;
    }
    template <std::unsigned_integral Number> void number(Number& value) {
        u32 const raw = std::exchange(frame_.value, 0);
        good_ &= raw <= std::numeric_limits<Number>::max();
        value = static_cast<Number>(raw);
    }
    void flag(bool& value) {
        unsigned const mask = 1u << flags_++;
        value = (frame_.flags & mask) != 0;
        frame_.flags = u8(frame_.flags & ~mask);
    }
    void bytes(std::string& bytes) {
        bytes = std::move(payload_);
        frame_.length = 0;
    }
    /// True if every field was in range and nothing is left over.
    bool complete() const { return good_ && frame_ == Frame{.kind = frame_.kind}; }

private:
    Frame frame_;
    std::string payload_;
    unsigned flags_{};
    bool good_{true};
};

/// A message ready for a ring. The payload points into the message.
struct Encoded {
    Frame frame;
    std::string_view payload;
};

template <class Variant> Encoded encode(Variant const& message) {
    FrameWriter writer;
    std::visit([&]<class Message>(Message const& m) { Message::fields(m, writer); }, message);
    writer.frame_.kind = static_cast<u8>(message.index());
    return {writer.frame_, writer.payload_};
}

namespace detail {
template <class Message, class Variant>
bool decode_as(Frame const& frame, std::string& payload, std::optional<Variant>& result) {
    Message message{};
    FrameReader reader{frame, std::move(payload)};
    Message::fields(message, reader);
    if (reader.complete()) result.emplace(std::move(message));
    return true;
}
} // namespace detail

/// The message that a frame and its payload stand for; nothing if they stand for none.
template <class Variant> std::optional<Variant> decode(Frame const& frame, std::string payload) {
    std::optional<Variant> result;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((frame.kind == I && detail::decode_as<std::variant_alternative_t<I, Variant>>(frame, payload, result)) ||
               ...);
    }
    (std::make_index_sequence<std::variant_size_v<Variant>>{});
    return result;
}

} // namespace ring3::driver
