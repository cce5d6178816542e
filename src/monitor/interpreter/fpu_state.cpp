#include "monitor/interpreter/fpu_state.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace ring3 {
namespace {

constexpr unsigned registers_in_32bit_modes = 8;

/// SDM 1 8.1.7: 0 valid, 1 zero, 2 special (invalid, NaN, infinity, denormal), 3 empty.
u16 tag_of(FpuSlot const& slot) {
    unsigned const exponent = slot.exponent & 0x7fffu;
    bool const integer_bit = (slot.significand >> 63) != 0;
    if (exponent == 0) return slot.significand == 0 ? 1 : 2;
    return exponent == 0x7fff || !integer_bit ? 2 : 0;
}

bool all_zero(std::span<XmmSlot const> slots) {
    return std::ranges::all_of(slots, [](XmmSlot const& slot) { return (slot.low | slot.high) == 0; });
}

bool is_initial(FxImage const& fx) {
    FpuPointers const& p = fx.pointers;
    bool const no_pointers = (p.fop | p.fip | p.fcs | p.fdp | p.fds) == 0;
    bool const no_control = fx.fcw.raw == Fcw::init_value && fx.fsw.raw == 0 && fx.tags == 0;
    return no_control && no_pointers &&
           std::ranges::all_of(fx.st, [](FpuSlot const& slot) { return slot.significand == 0 && slot.exponent == 0; });
}

} // namespace

void reset_extended_state(ExtendedState& state) {
    std::memset(state.bytes, 0, sizeof state.bytes);
    XImage& all = image(state);
    all.fx.fcw.raw = Fcw::reset_value;
    all.fx.tags = 0xff; // FTW = 5555H: eight zeros
    all.fx.mxcsr.raw = Mxcsr::init_value;
    all.fx.mxcsr_mask = Mxcsr::writable;
    all.header.xstate_bv.raw = XComponents::all;
}

void set_top(FxImage& fx, unsigned top) {
    std::ranges::rotate(fx.st, &fx.st[(top - fx.fsw.get<Fsw::Top>()) & 7]);
    fx.fsw = fx.fsw.with<Fsw::Top>(static_cast<u16>(top));
}

void enter_mmx(FxImage& fx) {
    set_top(fx, 0);
    fx.tags = 0xff;
}

void init_x87(FxImage& fx) {
    set_top(fx, 0);
    fx.fcw.raw = Fcw::init_value;
    fx.fsw.raw = 0;
    fx.tags = 0;
    fx.pointers = {};
}

void init_components(XImage& state, XComponents which) {
    if (which.has<XComponents::x87>()) {
        init_x87(state.fx);
        std::ranges::fill(state.fx.st, FpuSlot{});
    }
    if (which.has<XComponents::sse>()) std::ranges::fill(state.fx.xmm, XmmSlot{});
    if (which.has<XComponents::avx>()) std::ranges::fill(state.ymm_high, XmmSlot{});
}

XComponents components_in_use(XImage const& state) {
    XComponents in_use{};
    if (!is_initial(state.fx)) in_use.raw |= XComponents::x87::mask;
    if (!all_zero(std::span{state.fx.xmm}.first<registers_in_32bit_modes>())) in_use.raw |= XComponents::sse::mask;
    if (!all_zero(std::span{state.ymm_high}.first<registers_in_32bit_modes>())) in_use.raw |= XComponents::avx::mask;
    return in_use;
}

void update_error_summary(FxImage& fx) {
    u16 const pending = x87_error_pending(fx) ? 1 : 0;
    fx.fsw = fx.fsw.with<Fsw::ES>(pending).with<Fsw::B>(pending);
}

u16 full_tag_word(FxImage const& fx) {
    unsigned const top = fx.fsw.get<Fsw::Top>();
    unsigned tags = 0;
    for (unsigned physical = 0; physical < 8; ++physical) {
        bool const empty = ((fx.tags >> physical) & 1) == 0;
        unsigned const tag = empty ? 3 : tag_of(fx.st[(physical - top) & 7]);
        tags |= tag << (2 * physical);
    }
    return static_cast<u16>(tags);
}

u8 abridged_tags(u16 tag_word) {
    unsigned tags = 0;
    for (unsigned physical = 0; physical < 8; ++physical)
        if (((tag_word >> (2 * physical)) & 3) != 3) tags |= 1u << physical;
    return static_cast<u8>(tags);
}

} // namespace ring3
