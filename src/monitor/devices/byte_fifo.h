// A small ring of bytes as chips have it: it never grows, a push to a full one is refused.
#pragma once

#include "base/types.h"

#include <array>

namespace ring3 {

template <unsigned Capacity> class ByteFifo {
public:
    bool empty() const { return count_ == 0; }
    bool full() const { return count_ >= Capacity; }
    unsigned size() const { return count_; }
    u8 front() const { return bytes_[first_ % Capacity]; }
    bool push(u8 byte) {
        if (full()) return false;
        bytes_[(first_ + count_++) % Capacity] = byte;
        return true;
    }
    /// The oldest byte; 0 from an empty one.
    u8 pop() {
        if (empty()) return 0;
        u8 const byte = front();
        first_ = (first_ + 1) % Capacity;
        --count_;
        return byte;
    }
    void clear() { first_ = count_ = 0; }
    /// The `i`-th oldest.
    u8 at(unsigned i) const { return bytes_[(first_ + i) % Capacity]; }

    void visit(auto&& archive) {
        archive("fifo.bytes", bytes_);
        archive("fifo.first", first_);
        archive("fifo.count", count_);
        first_ %= Capacity; // an archive may come from outside
        if (count_ > Capacity) count_ = Capacity;
    }

private:
    std::array<u8, Capacity> bytes_{};
    unsigned first_{};
    unsigned count_{};
};

} // namespace ring3
