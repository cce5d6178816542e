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
#include <vector>

namespace ring3::driver {

/// What stands in front of every message in a ring.
struct Frame {
    u32 length{}; // of the payload that follows
    u8 kind{};    // index in the variant
    u8 port{};
    u8 flags{};
    u8 choice{};
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
    void index(u8 const& index, unsigned /*limit*/) { frame_.port = index; }
    template <class Enum> void choice(Enum const& choice, Enum /*last*/) {
        frame_.choice = static_cast<u8>(std::to_underlying(choice));
    }
    void bytes(std::string const& bytes) {
        payload_ = bytes;
        frame_.length = static_cast<u32>(bytes.size());
    }
    /// For messages with more than one number: they share the payload, each with its own width.
    template <std::unsigned_integral Number> void packed(Number const& value) {
        for (unsigned i = 0; i < sizeof value; ++i) packed_ += static_cast<char>(value >> (8 * i) & 0xff);
        frame_.length = static_cast<u32>(packed_.size());
    }
    /// The last of the packed fields: as many as there are.
    template <class Item> void list(std::vector<Item> const& items, std::size_t /*most*/) {
        for (Item const& item : items) Item::fields(item, *this);
    }
    Frame frame_;
    std::string_view payload_; // the message's own bytes
    std::string packed_;       // or these

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
    void index(u8& index, unsigned limit) {
        index = std::exchange(frame_.port, u8{});
        good_ &= index < limit;
    }
    template <class Enum> void choice(Enum& choice, Enum last) {
        u8 const raw = std::exchange(frame_.choice, u8{});
        good_ &= raw <= std::to_underlying(last);
        choice = static_cast<Enum>(raw);
    }
    void bytes(std::string& bytes) {
        bytes = std::move(payload_);
        frame_.length = 0;
    }
    template <std::unsigned_integral Number> void packed(Number& value) {
        value = 0;
        good_ &= frame_.length >= sizeof value;
        if (!good_) return;
        for (unsigned i = 0; i < sizeof value; ++i)
            value = static_cast<Number>(value | Number{static_cast<u8>(payload_[taken_++])} << (8 * i));
        frame_.length -= static_cast<u32>(sizeof value);
    }
    template <class Item> void list(std::vector<Item>& items, std::size_t most) {
        while (good_ && frame_.length != 0 && items.size() < most) Item::fields(items.emplace_back(), *this);
    }
    /// True if every field was in range and nothing is left over.
    bool complete() const { return good_ && frame_ == Frame{.kind = frame_.kind}; }

private:
    Frame frame_;
    std::string payload_;
    std::size_t taken_{}; // bytes of it, by packed()
    unsigned flags_{};
    bool good_{true};
};

/// A message ready for a ring. Bytes that it had already are not copied: it must outlive this.
struct Encoded {
    Frame frame;
    std::string_view bytes;
    std::string packed;
    std::string_view payload() const { return packed.empty() ? bytes : packed; }
};

template <class Variant> Encoded encode(Variant const& message) {
    FrameWriter writer;
    std::visit([&]<class Message>(Message const& m) { Message::fields(m, writer); }, message);
    writer.frame_.kind = static_cast<u8>(message.index());
    return {writer.frame_, writer.payload_, std::move(writer.packed_)};
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
