// A small seeded generator: the same seed gives the same cases everywhere.
#pragma once

#include "base/types.h"

#include <initializer_list>

namespace ring3::oracle {

class Random {
public:
    explicit Random(u64 seed) : state_{seed} {}
    /// SplitMix64: every seed, zero included, is good.
    u64 next() {
        u64 z = (state_ += 0x9e37'79b9'7f4a'7c15);
        z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
        return z ^ z >> 31;
    }
    u8 byte() { return static_cast<u8>(next()); }
    u32 word32() { return static_cast<u32>(next()); }
    /// 0 .. n - 1.
    u32 below(u32 n) { return static_cast<u32>((next() >> 32) * n >> 32); }
    bool one_in(u32 n) { return below(n) == 0; }
    template <class T> T pick(std::initializer_list<T> list) {
        return list.begin()[below(static_cast<u32>(list.size()))];
    }

private:
    u64 state_;
};

} // namespace ring3::oracle
