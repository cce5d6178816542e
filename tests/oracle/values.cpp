#include "tests/oracle/values.h"

#include "monitor/interpreter/fpu_state.h"

#include <cstring>

namespace ring3::oracle {

namespace {

/// How exponents and significands of the special numbers are built, for a format of either width.
struct FloatFormat {
    unsigned significand_bits, exponent_bits;
};
constexpr FloatFormat single{23, 8}, double_precision{52, 11};

u64 random_float(Random& random, FloatFormat format) {
    u64 const exponent_max = (u64{1} << format.exponent_bits) - 1;
    u64 const significand_mask = (u64{1} << format.significand_bits) - 1;
    u64 const bias = exponent_max / 2;
    u64 significand = random.next() & significand_mask;
    if (random.one_in(3)) significand &= ~(significand_mask >> random.below(6)); // few digits: exact results
    u64 exponent = bias - 8 + random.below(40);
    switch (random.below(12)) {
    case 0: exponent = 0; break;                             // denormal
    case 1: exponent = significand = 0; break;               // zero
    case 2: exponent = exponent_max; break;                  // NaN, quiet or signalling
    case 3: exponent = exponent_max, significand = 0; break; // infinity
    case 4: exponent = exponent_max - 1 - random.below(4); break;
    case 5: exponent = 1 + random.below(4); break;
    case 6: exponent = random.next() & exponent_max; break;
    default: break;
    }
    u64 const sign = random.below(2);
    return (sign << format.exponent_bits | exponent) << format.significand_bits | significand;
}

/// Of all classes that the format has, those that processors since the 387 refuse included.
void fill_x87_register(Random& random, FpuSlot& slot) {
    constexpr u64 integer_bit = u64{1} << 63;
    std::memset(slot.reserved, 0, sizeof slot.reserved);
    slot.significand = random.next() | integer_bit;
    slot.exponent = static_cast<u16>(0x3fff - 40 + random.below(80));
    if (random.one_in(3)) slot.significand &= ~(~u64{0} >> (1 + random.below(40)));
    switch (random.below(12)) {
    case 0: slot.exponent = static_cast<u16>(random.word32() & 0x7fff); break;
    case 1: slot.exponent = 0x7fff; break;                                 // NaN
    case 2: slot.exponent = 0x7fff, slot.significand = integer_bit; break; // infinity
    case 3: slot.exponent = 0, slot.significand = 0; break;
    case 4: slot.exponent = 0; break;                         // pseudo-denormal
    case 5: slot.exponent = 0, slot.significand >>= 1; break; // denormal
    case 6: slot.significand &= ~integer_bit; break;          // unnormal, pseudo-NaN
    case 7: slot.exponent = static_cast<u16>(random.below(8)); break;
    case 8: slot.exponent = static_cast<u16>(0x7ffe - random.below(8)); break;
    default: break;
    }
    slot.exponent |= static_cast<u16>(random.below(2) << 15);
}

void fill_x87(Random& random, FxImage& fx) {
    fx.fcw = Fcw::from_guest(random.one_in(4) ? static_cast<u16>(random.word32() | Fcw::Masks::mask) : Fcw::init_value);
    if (random.one_in(8)) fx.fcw = Fcw::from_guest(static_cast<u16>(random.word32())); // some exceptions unmasked
    constexpr unsigned free_bits = mask_of<Fsw::Top, Fsw::ConditionCodes, Fsw::C3>();
    fx.fsw.raw = static_cast<u16>(random.word32() & (free_bits | (random.one_in(2) ? Fsw::Exceptions::mask : 0u)));
    update_error_summary(fx);
    fx.reserved0 = 0;
    fx.pointers = {};
    fx.pointers.fop = static_cast<u16>(random.word32() & 0x7ff);
    fx.pointers.fip = random.word32();
    fx.pointers.fdp = random.word32();
    for (FpuSlot& slot : fx.st) fill_x87_register(random, slot);
    if (random.one_in(2)) fx.tags = 0xff;
}

/// What FXSAVE stores beside MXCSR: which of its bits exist is the host's own, and XRSTOR does not load it.
u32 host_mxcsr_mask() {
    alignas(16) FxImage area{};
    __builtin_ia32_fxsave(&area);
    return area.mxcsr_mask;
}

void fill_mxcsr(Random& random, FxImage& fx) {
    constexpr u64 free_bits = mask_of<Mxcsr::Flags, Mxcsr::RC, Mxcsr::FTZ, Mxcsr::DAZ>();
    fx.mxcsr.raw = Mxcsr::init_value | (random.word32() & static_cast<u32>(free_bits));
    if (random.one_in(8)) fx.mxcsr.raw &= random.word32() | ~u32{Mxcsr::Masks::mask}; // some exceptions unmasked
    static u32 const mask = host_mxcsr_mask();
    fx.mxcsr_mask = mask;
}

} // namespace

u64 random_operand(Random& random) {
    switch (random.below(8)) {
    case 0: return random.next();
    case 1: return 0;
    case 2: return random.below(64);
    case 3:
    case 4:
    case 5: return random_float(random, single) << 32 | random_float(random, single);
    default: return random_float(random, double_precision);
    }
}

u32 random_value(Random& random) {
    switch (random.below(6)) {
    case 0: return random.below(40);
    case 1:
        return random.pick<u32>(
            {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff});
    case 2: return 0u - random.below(40);
    default: return random.word32();
    }
}

void fill_extended_state(Random& random, ExtendedState& state) {
    for (std::size_t i = 0; i < sizeof state.bytes; i += sizeof(u64)) {
        u64 const bits = random.next();
        std::memcpy(state.bytes + i, &bits, sizeof bits);
    }
    XImage& x = image(state);
    x.header = {{{XComponents::all}}, 0, {}};
    fill_x87(random, x.fx);
    fill_mxcsr(random, x.fx);
    bool const all_zero = random.one_in(24); // masks, and sources of conversions and comparisons
    for (XmmSlot* const slots : {x.fx.xmm, x.ymm_high})
        for (unsigned i = 0; i < 8; ++i)
            slots[i] = all_zero ? XmmSlot{} : XmmSlot{random_operand(random), random_operand(random)};
    if (all_zero)
        for (FpuSlot& slot : x.fx.st) slot.significand = 0;
}

} // namespace ring3::oracle
