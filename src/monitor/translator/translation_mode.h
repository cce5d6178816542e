// TranslationMode: everything besides the bytes that emitted code depends on. Packed here and nowhere else.
//
// A block is found by (guest-physical address, linear address, mode). What is part of the mode is a constant in the
// block, so it costs nothing: a flat segment is no segment, CLI at CPL 0 is one store. What does not fit (alignment
// checks) has no mode and is interpreted.
//
// Code whose CS or SS is not flat, 16-bit code, and all code of real-address and virtual-8086 mode is *segmented*. For
// it everything that is called a pc here is the linear address, CS's base + EIP; base and limit of CS are constants of
// the block, too, and the mode holds their number (code_segments.h). For flat code a pc is EIP.
#pragma once

#include "base/reg.h"
#include "monitor/cpu/state.h"

namespace ring3 {

struct TranslationMode : Reg<TranslationMode, u32> {
    using User = Field<0>;
    using IoAllowed = Field<1>; // CPL <= IOPL: CLI, STI and port instructions need no further look
    using Fpu = Field<2>;       // x87 and SSE instructions raise none of #NM and #UD, errors are #MF
    using Avx = Field<3>;
    using Backwards = Field<4>; // DF
    using Window = Field<5>;    // data accesses go through a window
    using Es = Field<7, 6>;     // SegmentClass
    using Ss = Field<9, 8>;
    using Ds = Field<11, 10>;
    using Fs = Field<13, 12>;
    using Gs = Field<15, 14>;
    using Translated = Field<16>; // 0: code has to be interpreted
    using Segmented = Field<17>;  // 0: so are all that follow
    using Code16 = Field<18>;     // CS.D = 0
    using Stack16 = Field<19>;    // SS.B = 0
    using Paragraphs = Field<20>; // real-address and virtual-8086 mode: a selector is a base divided by 16
    using Shared = Field<21>;     // all code segments of the mode have one jump space, see place_of()
    using CodeSegment = Field<31, 22>;
    static_assert(disjoint<User, IoAllowed, Fpu, Avx, Backwards, Window, Es, Ss, Ds, Fs, Gs, Translated, Segmented,
                           Code16, Stack16, Paragraphs, Shared, CodeSegment>());

    bool user() const { return has<User>(); }
    bool segmented() const { return has<Segmented>(); }
    bool shared() const { return has<Shared>(); }
    /// Where the jump table has code of a segment with this base: at its pc or, in a shared jump space, at selector and IP,
    /// so that a far pointer in memory is a place.
    u32 place_of(u32 base, u32 pc) const { return shared() ? (base << 12) + (pc - base) : pc; }
    /// What is part of the mode for a jump space.
    TranslationMode of_space() const { return shared() ? with<CodeSegment>(0) : *this; }
    unsigned code_size() const { return has<Code16>() ? 2 : 4; }
    u8 stack_width() const { return has<Stack16>() ? 2 : 4; }
    bool has_vex() const { return !has<Paragraphs>(); } // SDM 2A 2.3
    SegmentClass segment(SegmentName name) const {
        switch (name) {
        case SegmentName::es: return SegmentClass(get<Es>());
        case SegmentName::ss: return SegmentClass(get<Ss>());
        case SegmentName::ds: return SegmentClass(get<Ds>());
        case SegmentName::fs: return SegmentClass(get<Fs>());
        case SegmentName::gs: return SegmentClass(get<Gs>());
        default: return SegmentClass::checked;
        }
    }
    /// The same, after a load of ES, DS, FS or GS.
    TranslationMode with_segment(SegmentName name, SegmentClass kind) const {
        auto const value = static_cast<u32>(kind);
        switch (name) {
        case SegmentName::es: return with<Es>(value);
        case SegmentName::ds: return with<Ds>(value);
        case SegmentName::fs: return with<Fs>(value);
        case SegmentName::gs: return with<Gs>(value);
        default: return {};
        }
    }
    friend constexpr bool operator==(TranslationMode a, TranslationMode b) { return a.raw == b.raw; }

    /// The mode that the processor is in, without Window and CodeSegment; all zeros if its code has to be interpreted.
    static TranslationMode of(GuestCpu const& cpu);
    explicit operator bool() const { return has<Translated>(); }
};

} // namespace ring3
