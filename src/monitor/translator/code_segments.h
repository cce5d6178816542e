// CodeSegments: numbers for the code segments that segmented code runs in, to be part of its TranslationMode.
//
// Base and limit of CS are constants in the blocks made under them, and a jump space belongs to one CS: its places are
// those of near jumps. Both are found by mode, which has ten bits for this.
#pragma once

#include "base/types.h"

#include <array>

namespace ring3 {

class CodeSegments {
public:
    /// The number of the segment, from 1 on; 0: all numbers are given away.
    u32 number_of(u32 base, u32 limit) {
        std::size_t place = place_of(base, limit);
        while (table_[place].number != 0) {
            if (table_[place].base == base && table_[place].limit == limit) return table_[place].number;
            place = (place + 1) % table_.size();
        }
        if (full()) return 0;
        table_[place] = {base, limit, ++used_};
        bases_[used_] = base;
        return used_;
    }
    u32 base_of(u32 number) const { return bases_[number % bases_.size()]; }
    bool full() const { return used_ == most; }
    /// Whoever calls this sees to it that no mode with a number is in use any more.
    void clear() {
        table_ = {};
        used_ = 0;
    }

private:
    static constexpr u32 most = 1023;
    static constexpr unsigned table_bits = 11; // twice as many places: searches stay short
    struct Segment {
        u32 base, limit, number;
    };
    static std::size_t place_of(u32 base, u32 limit) {
        u64 const both = u64{limit} << 32 | base;
        return both * 0x9e37'79b9'7f4a'7c15 >> (64 - table_bits);
    }
    std::array<Segment, std::size_t{1} << table_bits> table_{};
    std::array<u32, most + 1> bases_{};
    u32 used_{};
};

} // namespace ring3
