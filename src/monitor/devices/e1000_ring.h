// A ring of 16-byte descriptors in guest RAM, as both directions of an 82540EM have one. Source: 317453 3.2.6, 3.4.
//
//     base + 16 * head: the card's next one      base + 16 * tail: the first one that the driver has not given yet
//
// Totality: the driver writes base, length, head and tail as it likes. Only a head and a tail within the length make work;
// with others the card does nothing until they change.
#pragma once

#include "base/types.h"

namespace ring3 {

class E1000Ring {
public:
    static constexpr u32 descriptor_bytes = 16;
    /// Offsets of the registers from the ring's first one.
    enum Register : u8 { base_low = 0x00, base_high = 0x04, length = 0x08, head = 0x10, tail = 0x18 };

    u32 read(u32 offset) const {
        switch (offset) {
        case base_low: return low_;
        case base_high: return high_;
        case length: return length_;
        case head: return head_;
        case tail: return tail_;
        default: return 0;
        }
    }
    void write(u32 offset, u32 value) {
        switch (offset) {
        case base_low: low_ = value & ~u32{15}; return;
        case base_high: high_ = value; return;
        case length: length_ = value & 0x000f'ff80; return;
        case head: head_ = value & 0xffff; return;
        case tail: tail_ = value & 0xffff; return;
        default: return;
        }
    }
    void reset() { *this = {}; }

    u32 count() const { return length_ / descriptor_bytes; }
    bool is_sane() const { return head_ < count() && tail_ < count(); }
    /// Descriptors that the card may use.
    u32 available() const {
        if (!is_sane()) return 0;
        return tail_ >= head_ ? tail_ - head_ : tail_ + count() - head_;
    }
    GuestPhys current() const { return {(u64{high_} << 32 | low_) + u64{head_} * descriptor_bytes}; }
    void advance() { head_ = head_ + 1 >= count() ? 0 : head_ + 1; }

    void visit(auto&& archive) {
        archive("base_low", low_);
        archive("base_high", high_);
        archive("length", length_);
        archive("head", head_);
        archive("tail", tail_);
    }

private:
    u32 low_{}, high_{}, length_{}, head_{}, tail_{};
};

} // namespace ring3
