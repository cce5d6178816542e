// One vector register as bytes, for the few routines that move its parts in C++.
#pragma once

#include "monitor/interpreter/fpu_state.h"

#include <array>
#include <cstring>

namespace ring3 {

struct VectorRegister {
    static constexpr unsigned xmm_size = 16, ymm_size = 32;
    std::array<u8, ymm_size> bytes{};

    template <class T> T element(unsigned i) const {
        T value;
        std::memcpy(&value, &bytes[i * sizeof(T)], sizeof(T));
        return value;
    }
    /// Is the element's top bit set? That is how masks choose.
    bool chosen(unsigned i, unsigned element_size) const { return (bytes[(i + 1) * element_size - 1] & 0x80) != 0; }
};

inline VectorRegister read_ymm(XImage const& state, unsigned number) {
    VectorRegister value;
    std::memcpy(value.bytes.data(), &state.fx.xmm[number], sizeof(XmmSlot));
    std::memcpy(&value.bytes[sizeof(XmmSlot)], &state.ymm_high[number], sizeof(XmmSlot));
    return value;
}

inline void write_ymm(XImage& state, unsigned number, VectorRegister const& value) {
    std::memcpy(&state.fx.xmm[number], value.bytes.data(), sizeof(XmmSlot));
    std::memcpy(&state.ymm_high[number], &value.bytes[sizeof(XmmSlot)], sizeof(XmmSlot));
}

/// MMX registers are the physical x87 registers' significands; ST(0) is physical register TOP (SDM 1 9.2.2).
inline VectorRegister read_mmx(FxImage const& fx, unsigned number) {
    VectorRegister value;
    std::memcpy(value.bytes.data(), &fx.st[(number - fx.fsw.get<Fsw::Top>()) & 7], sizeof(u64));
    return value;
}

} // namespace ring3
