#include "monitor/translator/translation_mode.h"

namespace ring3 {

namespace {

constexpr u32 last_byte = 0xffff'ffff;

u32 class_of(Segment const& s) {
    return static_cast<u32>(s.kind);
}

/// May the code segment be any paragraph, with 64 KiB, and nothing but selector and base change with it?
bool any_paragraph(Segment const& cs) {
    constexpr u32 highest = 0xffff0, within = 15;
    return cs.kind == SegmentClass::small && cs.base <= highest && (cs.base & within) == 0;
}

/// SDM 3A 2.5, table 9-3; SDM 2A 2.4: no #NM, no #UD, and errors reported by #MF.
bool fpu_unhindered(GuestCpu const& cpu) {
    bool const present = !cpu.cr0.has<Cr0::EM>() && !cpu.cr0.has<Cr0::TS>() && cpu.cr0.has<Cr0::NE>();
    return present && cpu.cr4.has<Cr4::OSFXSR>() && cpu.cr4.has<Cr4::OSXMMEXCPT>();
}

bool avx_enabled(GuestCpu const& cpu) {
    constexpr u64 sse_and_avx = 6;
    return cpu.cr4.has<Cr4::OSXSAVE>() && (cpu.xcr0 & sse_and_avx) == sse_and_avx;
}

bool aligned_only(GuestCpu const& cpu) {
    return cpu.cpl == 3 && cpu.cr0.has<Cr0::AM>() && cpu.eflags.has<Eflags::AC>();
}

} // namespace

TranslationMode TranslationMode::of(GuestCpu const& cpu) {
    if (aligned_only(cpu)) return {};
    Segment const& cs = cpu.seg(SegmentName::cs);
    bool const flat_code = cpu.uses_descriptors() && cs.is_32bit() && cs.base == 0 && cs.limit == last_byte;
    bool const flat_stack = cpu.stack_is_32bit() && cpu.seg(SegmentName::ss).kind == SegmentClass::flat;
    TranslationMode const mode = TranslationMode{}
                                     .with<Translated>(1)
                                     .with<User>(cpu.cpl == 3)
                                     .with<IoAllowed>(cpu.cpl <= cpu.eflags.get<Eflags::IOPL>())
                                     .with<Fpu>(fpu_unhindered(cpu))
                                     .with<Avx>(fpu_unhindered(cpu) && avx_enabled(cpu))
                                     .with<Backwards>(cpu.eflags.has<Eflags::DF>())
                                     .with<Es>(class_of(cpu.seg(SegmentName::es)))
                                     .with<Ss>(class_of(cpu.seg(SegmentName::ss)))
                                     .with<Ds>(class_of(cpu.seg(SegmentName::ds)))
                                     .with<Fs>(class_of(cpu.seg(SegmentName::fs)))
                                     .with<Gs>(class_of(cpu.seg(SegmentName::gs)));
    if (flat_code && flat_stack) [[likely]]
        return mode;
    return mode.with<Segmented>(1)
        .with<Code16>(!cs.is_32bit())
        .with<Stack16>(!cpu.stack_is_32bit())
        .with<Paragraphs>(!cpu.uses_descriptors())
        .with<Shared>(!cpu.uses_descriptors() && any_paragraph(cs));
}

} // namespace ring3
