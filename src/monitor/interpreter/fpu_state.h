// The saved x87, SSE and AVX state (GuestCpu::fpu), with names for its parts and the rules that hold for them.
//
// ExtendedState is laid out as XSAVE's standard form (SDM 1 13.4):
//
//       0  legacy region, as FXSAVE writes it (FxImage)     x87 and MMX, MXCSR, XMM0-15
//     512  header: XSTATE_BV is always 7, the rest 0
//     576  upper halves of YMM0-15
//
// Invariant: every part always holds its architectural value, whether or not it is in its initial configuration. So the
// init optimisation exists only in what the guest's own XSAVE writes (see components_in_use), and routines in C++ may
// read and change any field at any time.
#pragma once

#include "base/reg.h"
#include "monitor/cpu/state.h"

namespace ring3 {

/// SDM 1 8.1.3: x87 status word.
struct Fsw : Reg<Fsw, u16> {
    using Exceptions = Field<5, 0>;
    using SF = Field<6>; // stack fault
    using ES = Field<7>; // an unmasked exception is pending
    using ConditionCodes = Field<10, 8>;
    using Top = Field<13, 11>;
    using C3 = Field<14>;
    using B = Field<15>; // mirrors ES
    static_assert(disjoint<Exceptions, SF, ES, ConditionCodes, Top, C3, B>());
};

/// SDM 1 8.1.5: x87 control word.
struct Fcw : Reg<Fcw, u16> {
    using Masks = Field<5, 0>;
    using PC = Field<9, 8>;
    using RC = Field<11, 10>;
    using Infinity = Field<12>;
    static_assert(disjoint<Masks, PC, RC, Infinity>());
    static constexpr u16 always_one = 1u << 6; // bit 6 reads as 1
    static constexpr u16 writable = mask_of<Masks, PC, RC, Infinity>();
    static constexpr u16 init_value = 0x37f;  // FNINIT
    static constexpr u16 reset_value = 0x040; // power-up, reset
    static constexpr Fcw from_guest(u16 value) { return {{static_cast<u16>((value & writable) | always_one)}}; }
};

/// SDM 1 10.2.3.
struct Mxcsr : Reg<Mxcsr, u32> {
    using Flags = Field<5, 0>;
    using DAZ = Field<6>;
    using Masks = Field<12, 7>;
    using RC = Field<14, 13>;
    using FTZ = Field<15>;
    static_assert(disjoint<Flags, DAZ, Masks, RC, FTZ>());
    /// Our MXCSR_MASK (SDM 1 11.6.6): other bits set are #GP(0). Every 64-bit processor has DAZ.
    static constexpr u32 writable = mask_of<Flags, DAZ, Masks, RC, FTZ>();
    static constexpr u32 init_value = 0x1f80;
};

/// XCR0, XSTATE_BV and requested-feature bitmaps (SDM 1 13.1).
struct XComponents : Reg<XComponents, u64> {
    using x87 = Field<0>;
    using sse = Field<1>;
    using avx = Field<2>;
    static constexpr u64 all = mask_of<x87, sse, avx>();
};

/// An 80-bit register in its 16-byte slot.
struct FpuSlot {
    u64 significand;
    u16 exponent; // and sign, bit 15
    u8 reserved[6];
};

struct XmmSlot {
    u64 low, high;
};

/// What x87 remembers of the last non-control instruction (SDM 1 8.1.8, 8.1.9).
struct FpuPointers {
    u16 fop;
    u32 fip;
    u16 fcs;
    u16 reserved0;
    u32 fdp;
    u16 fds;
    u16 reserved1;
} __attribute__((packed));

/// The 512 bytes of FXSAVE outside 64-bit mode (SDM 1 10.5.1, table 10-2).
struct FxImage {
    Fcw fcw;
    Fsw fsw;
    u8 tags; // abridged: bit i = physical register i is not empty
    u8 reserved0;
    FpuPointers pointers;
    Mxcsr mxcsr;
    u32 mxcsr_mask;
    FpuSlot st[8]; // ST(0) first
    XmmSlot xmm[16];
    u8 available[96];
};
static_assert(sizeof(FxImage) == 512 && offsetof(FxImage, mxcsr) == 24 && offsetof(FxImage, st) == 32);
static_assert(offsetof(FxImage, xmm) == 160, "the assembly entries in src/host load from here");

/// The header of an XSAVE area (SDM 1 13.4.2).
struct XHeader {
    XComponents xstate_bv;
    u64 xcomp_bv;
    u64 reserved[6];
};

/// The whole of ExtendedState, with names.
struct XImage {
    FxImage fx;
    XHeader header;
    XmmSlot ymm_high[16];
};
static_assert(sizeof(XImage) == ExtendedState::size && offsetof(XImage, ymm_high) == 576);

inline XImage& image(ExtendedState& state) {
    return *static_cast<XImage*>(static_cast<void*>(state.bytes));
}
inline XImage const& image(ExtendedState const& state) {
    return *static_cast<XImage const*>(static_cast<void const*>(state.bytes));
}

/// SDM 3A table 9-1: what power-up and reset leave. (INIT leaves x87 and SSE state alone.)
void reset_extended_state(ExtendedState& state);

/// Gives TOP a new value. The data registers stay in their physical places, so the slots, which are ST(i), turn.
void set_top(FxImage& fx, unsigned top);
/// SDM 1 9.5.1: what an MMX instruction other than EMMS does first. TOP becomes 0, all tags valid.
void enter_mmx(FxImage& fx);

/// SDM 2A FINIT: the x87 part after FNINIT. Data registers keep their contents, tagged empty.
void init_x87(FxImage& fx);
/// Sets the x87, SSE or AVX components named to their initial configuration (SDM 1 13.6); MXCSR is not part of it.
void init_components(XImage& state, XComponents which);
/// The components that are not in their initial configuration: XINUSE of SDM 1 13.6.
XComponents components_in_use(XImage const& state);

/// Is an unmasked x87 exception pending?
inline bool x87_error_pending(FxImage const& fx) {
    return (fx.fsw.get<Fsw::Exceptions>() & ~fx.fcw.get<Fcw::Masks>() & Fcw::Masks::mask) != 0;
}
/// Derives FSW.ES and B from flags and masks: after either was loaded.
void update_error_summary(FxImage& fx);

/// The 16-bit tag word of FNSTENV from the abridged one and the registers' contents (SDM 1 8.1.7, 10.5.1.1).
u16 full_tag_word(FxImage const& fx);
/// The reverse: only "empty" counts.
u8 abridged_tags(u16 tag_word);

} // namespace ring3
