// REP: repetition of string instructions (SDM 2B REP/REPE/REPZ/REPNE/REPNZ).
//
// Architecturally each iteration is a boundary: interrupts come in there, and a fault leaves the registers as the
// completed iterations made them, with eip at the instruction. One call runs up to `repeat_batch` iterations, then
// returns Outcome::again(), which lets interrupts in. Long runs within a page of plain memory go past the MMU; a
// single-stepped or watched instruction makes one iteration a call, as each may trap.
#pragma once

#include "monitor/interpreter/operands.h"

#include <algorithm>
#include <limits>

namespace ring3 {

inline constexpr u32 repeat_batch = 4096;

/// Must each iteration be a step of its own: for TF (SDM 3B 18.3.1.4) or breakpoints?
inline bool iterates_singly(GuestCpu const& cpu) {
    return cpu.eflags.has<Eflags::TF>() || cpu.dr7.get<Dr7::Enables>() != 0;
}

/// Moves SI or DI past `count` elements, in DF's direction; the index wraps by address size.
template <class T, class A> void advance(GuestCpu& cpu, RegRef index, u32 count = 1) {
    auto const distance = static_cast<A>(count * u32{sizeof(T)});
    A const old = cpu.read<A>(index);
    cpu.write<A>(index, static_cast<A>(cpu.eflags.has<Eflags::DF>() ? old - distance : old + distance));
}

/// How many elements from `offset` upwards, at most `most`, lie in one page, within the segment and below the wrap of
/// the offset; 0 if any check needs the ordinary path.
template <class T, class A>
u32 contiguous_elements(GuestCpu const& cpu, Segment const& segment, A offset, u32 most, Linear& address) {
    if (cpu.eflags.has<Eflags::DF>() || offset < segment.lowest || offset > segment.highest) return 0;
    address = {static_cast<u32>(segment.base + offset)};
    bool const misaligned = address.raw % sizeof(T) != 0;
    if (misaligned && cpu.eflags.has<Eflags::AC>()) return 0;
    u64 const in_segment = u64{segment.highest} - offset + 1;
    u64 const before_wrap = u64{std::numeric_limits<A>::max()} - offset + 1;
    u64 const in_page = page_size - address.page_offset();
    return static_cast<u32>(std::min(std::min({in_segment, before_wrap, in_page}) / sizeof(T), u64{most}));
}

/// A run of elements that can be read past the MMU, as contiguous_elements() says; count 0 if none can.
struct SourceRun {
    u8 const* host{};
    u32 count{};
};
struct DestinationRun {
    u8* host{};
    u32 count{};
};
template <class T, class A> SourceRun source_run(Vcpu& v, SegmentName name, A offset, u32 most) {
    Segment const& segment = v.cpu.seg(name);
    Linear address;
    if (!segment.readable) return {};
    u32 const count = contiguous_elements<T, A>(v.cpu, segment, offset, most, address);
    u8 const* const host = count == 0 ? nullptr : v.mmu.direct_read(address, v.privilege());
    return host == nullptr ? SourceRun{} : SourceRun{host, count};
}
template <class T, class A> DestinationRun destination_run(Vcpu& v, SegmentName name, A offset, u32 most) {
    Segment const& segment = v.cpu.seg(name);
    Linear address;
    if (!segment.writable) return {};
    u32 const count = contiguous_elements<T, A>(v.cpu, segment, offset, most, address);
    u8* const host = count == 0 ? nullptr : v.mmu.direct_write(address, v.privilege());
    return host == nullptr ? DestinationRun{} : DestinationRun{host, count};
}

/// The loop around a string instruction. `Element` offers, for element type T and address size A:
///     once(v, insn)           one iteration: access, flags, SI and DI
///     many(v, insn, most)     up to `most` iterations that cannot fault, past the MMU; returns how many, 0 for none
///     goes_on(insn, eflags)   does the repetition go on after an iteration that left these flags?
template <class Element, class T, class A> Outcome repeat(Vcpu& v, Insn const& insn) {
    auto count = v.cpu.read<A>(reg_ref(ecx));
    if (count == 0) return Outcome::next();
    Eflags const flags_before = v.cpu.eflags;
    u32 budget = iterates_singly(v.cpu) ? 1 : repeat_batch;
    while (budget != 0) {
        u32 done = Element::template many<T, A>(v, insn, std::min<u32>(budget, count));
        if (done == 0) {
            Outcome const outcome = Element::template once<T, A>(v, insn);
            if (!outcome.is_next()) {
                v.cpu.eflags = flags_before; // SDM 2B REP: as they were prior to the execution of the instruction
                return outcome;
            }
            done = 1;
        }
        count = static_cast<A>(count - done);
        budget -= done;
        v.cpu.write<A>(reg_ref(ecx), count);
        if (count == 0 || !Element::goes_on(insn, v.cpu.eflags)) return Outcome::next();
        if (v.mmu.attention) break; // a device or code was touched: the run loop wants to look
    }
    v.cpu.eflags = flags_before;
    return Outcome::again();
}

/// A string instruction's routines: T from the width, A from the address size, with or without repetition.
template <class Element, class T> Handler choose_string(Insn const& insn) {
    bool const repeated = insn.rep || insn.repne;
    if (insn.address_width == 2) return repeated ? &repeat<Element, T, u16> : &Element::template once<T, u16>;
    return repeated ? &repeat<Element, T, u32> : &Element::template once<T, u32>;
}
template <class Element> Handler choose_string(Insn const& insn) {
    switch (insn.width) {
    case 1: return choose_string<Element, u8>(insn);
    case 2: return choose_string<Element, u16>(insn);
    case 4: return choose_string<Element, u32>(insn);
    default: return nullptr;
    }
}

} // namespace ring3
