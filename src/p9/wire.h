// Reading and writing the fields of 9P messages. Numbers are little-endian, strings have a u16 length in front.
#pragma once

#include "base/types.h"
#include "p9/answer.h"
#include "p9/protocol.h"

#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ring3::p9 {

/// The rest of a request. Reading beyond its end gives zeroes and is remembered.
class Reader {
public:
    explicit Reader(std::span<u8 const> bytes) : bytes_{bytes} {}
    template <class Word> Word get() {
        Word word{};
        if (auto const piece = take(sizeof word); !piece.empty()) std::memcpy(&word, piece.data(), sizeof word);
        return word;
    }
    u8 byte() { return get<u8>(); }
    u16 half() { return get<u16>(); }
    u32 word() { return get<u32>(); }
    u64 quad() { return get<u64>(); }
    /// A string with a NUL in it would mean something else to the host: malformed.
    std::string text() {
        auto const piece = take(half());
        std::string result{piece.begin(), piece.end()};
        if (result.find('\0') != result.npos) is_malformed_ = true;
        return result;
    }
    std::span<u8 const> take(std::size_t count) {
        if (count > bytes_.size()) {
            is_malformed_ = true;
            bytes_ = {};
            return {};
        }
        auto const piece = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return piece;
    }
    bool is_malformed() const { return is_malformed_; }
    /// To be asked when a request's fields are read and before anything is done.
    Answer<void> complete() const {
        if (is_malformed_) return refuse(EINVAL);
        return {};
    }

private:
    std::span<u8 const> bytes_;
    bool is_malformed_{};
};

/// The reply as far as it is written. What does not fit is left out and remembered.
class Writer {
public:
    explicit Writer(std::span<u8> room) : room_{room} {}
    template <class Word> void put(Word word) {
        if (auto const piece = claim(sizeof word); !piece.empty()) std::memcpy(piece.data(), &word, sizeof word);
    }
    void byte(u8 value) { put(value); }
    void half(u16 value) { put(value); }
    void word(u32 value) { put(value); }
    void quad(u64 value) { put(value); }
    void text(std::string_view value) {
        half(static_cast<u16>(value.size()));
        auto const piece = claim(value.size());
        if (!piece.empty()) std::memcpy(piece.data(), value.data(), value.size());
    }
    void qid(Qid const& qid) { byte(qid.type), word(qid.version), quad(qid.path); }

    /// The place for so many bytes, to be filled by the caller; empty if they do not fit.
    std::span<u8> claim(std::size_t count) {
        if (count > room_.size() - used_) {
            overflows_ = true;
            return {};
        }
        auto const piece = room_.subspan(used_, count);
        used_ += count;
        return piece;
    }
    /// Takes back what was written behind `used`.
    void cut(std::size_t used) { used_ = used; }
    std::size_t used() const { return used_; }
    std::size_t free() const { return room_.size() - used_; }
    bool overflows() const { return overflows_; }

private:
    std::span<u8> room_;
    std::size_t used_{};
    bool overflows_{};
};

} // namespace ring3::p9
