// Segment registers with their hidden parts, and descriptors as they lie in memory (SDM 3A 3.4, 3.5, 5.8, 7.2).
#pragma once

#include "base/reg.h"

namespace ring3 {

/// In the encoding of ModRM.reg for MOV Sw (SDM 2B table B-8), then the two system segments.
enum class SegmentName : u8 { es, cs, ss, ds, fs, gs, ldtr, tr };
inline constexpr unsigned segment_count = 8;

/// SDM 3A 3.4.2.
struct Selector : Reg<Selector, u16> {
    using RPL = Field<1, 0>;
    using TI = Field<2>;
    using Index = Field<15, 3>;
    constexpr bool is_null() const { return (raw & 0xfffc) == 0; }
    /// The error code of faults about this selector: index and TI, RPL cleared.
    constexpr u16 error_code() const { return raw & 0xfffc; }
};

/// SDM 3A 3.5, table 3-2: the Type field when S = 0.
enum class SystemType : u8 {
    tss16_available = 1,
    ldt = 2,
    tss16_busy = 3,
    call_gate16 = 4,
    task_gate = 5,
    interrupt_gate16 = 6,
    trap_gate16 = 7,
    tss32_available = 9,
    tss32_busy = 11,
    call_gate32 = 12,
    interrupt_gate32 = 14,
    trap_gate32 = 15,
};

/// The access-rights part of a descriptor, in the places it has in the descriptor's upper doubleword (SDM 3A 3.4.5).
struct SegmentRights : Reg<SegmentRights, u32> {
    using Type = Field<11, 8>;
    using Accessed = Field<8>;
    using Writable = Field<9>;    // of data; for code: Readable
    using ExpandDown = Field<10>; // of data; for code: Conforming
    using Code = Field<11>;
    using S = Field<12>; // 1: code or data, 0: system
    using DPL = Field<14, 13>;
    using P = Field<15>;
    using AVL = Field<20>;
    using L = Field<21>;
    using DB = Field<22>;
    using G = Field<23>;
    static constexpr u32 in_descriptor = 0x00f0'ff00;

    constexpr bool is_code() const { return has<S>() && has<Code>(); }
    constexpr bool is_data() const { return has<S>() && !has<Code>(); }
    constexpr bool is_conforming_code() const { return is_code() && has<ExpandDown>(); }
    constexpr bool is_writable_data() const { return is_data() && has<Writable>(); }
    constexpr bool is_readable() const { return is_data() || (is_code() && has<Writable>()); }
    constexpr bool is_expand_down() const { return is_data() && has<ExpandDown>(); }
    constexpr SystemType system_type() const { return SystemType(get<Type>()); }
};

/// Eight bytes of a GDT or LDT. For gates see the interpreter's gate.h.
struct Descriptor {
    u64 raw{};
    constexpr SegmentRights rights() const { return {{static_cast<u32>(raw >> 32) & SegmentRights::in_descriptor}}; }
    constexpr u32 base() const {
        return static_cast<u32>((raw >> 16) & 0xff'ffff) | static_cast<u32>((raw >> 56) << 24);
    }
    /// The limit in bytes: the last valid offset, after the granularity bit.
    constexpr u32 limit() const {
        u32 const field = static_cast<u32>(raw & 0xffff) | static_cast<u32>((raw >> 32) & 0xf'0000);
        return rights().has<SegmentRights::G>() ? (field << 12) | 0xfff : field;
    }
};

/// What a memory operand through a segment needs, for translated code.
enum class SegmentClass : u8 {
    flat,    // base 0, limit 4 GiB, readable and writable: nothing
    based,   // the same with a base: it is added
    checked, // anything else: limit and type have to be held against every access
    small,   // readable and writable from 0 to FFFFH, as real-mode programs have them: cheaper to check
};

/// Where a segment register was loaded from, for translated code: another load of the same selector changes nothing as
/// long as the same descriptor stands there.
struct SegmentSource {
    static constexpr u32 nowhere = ~u32{0};
    struct {
        u32 low, high;
    } descriptor{};
    u32 at{};              // its linear address
    u32 selector{nowhere}; // a selector, if all this holds
};

/// A segment register: the visible selector and the hidden part that the processor really uses.
///
/// Besides the manual's fields it holds, ready for the one comparison that each access makes, the offsets that may be
/// read (lowest_ .. highest_) and whether reads and writes are allowed at all. refresh() derives them; whoever changes
/// base, limit or rights calls it. An unusable (null) segment allows nothing.
struct Segment {
    Selector selector{};
    SegmentRights rights{};
    u32 base{};
    u32 limit{};
    u32 lowest{};  // first valid offset
    u32 highest{}; // last valid offset; lowest > highest: no offset is valid
    bool readable{};
    bool writable{};
    SegmentClass kind{SegmentClass::checked};
    SegmentSource source{};
    /// So many bytes from offset 0 on may be read or written, for the one comparison of translated code; 0: it has to ask
    /// the interpreter about every access.
    u32 read_room{};
    u32 write_room{};

    /// Type, S, DPL and P of the rights, for translated code.
    void const* rights_type_byte() const { return static_cast<u8 const*>(static_cast<void const*>(&rights)) + 1; }
    constexpr unsigned dpl() const { return rights.get<SegmentRights::DPL>(); }
    constexpr bool is_32bit() const { return rights.has<SegmentRights::DB>(); }
    constexpr bool is_usable() const { return rights.has<SegmentRights::P>(); }

    /// Derives lowest, highest, readable and writable from limit and rights.
    constexpr void refresh() {
        readable = is_usable() && rights.is_readable();
        writable = is_usable() && rights.is_writable_data();
        lowest = 0;
        highest = limit;
        if (rights.is_expand_down()) refresh_expand_down();
        u32 const room = lowest != 0 || highest < lowest ? 0 : highest == 0xffff'ffffu ? highest : highest + 1;
        read_room = readable ? room : 0;
        write_room = writable ? room : 0;
        refresh_kind();
    }
    constexpr void refresh_kind() {
        kind = SegmentClass::checked;
        if (!readable || !writable || lowest != 0) return;
        if (highest == 0xffff'ffffu) kind = base == 0 ? SegmentClass::flat : SegmentClass::based;
        if (highest == 0xffff) kind = SegmentClass::small;
    }
    constexpr void refresh_expand_down() {
        // SDM 3A 5.3: valid offsets lie above the limit, up to FFFFH or FFFFFFFFH as B says.
        highest = is_32bit() ? 0xffff'ffffu : 0xffffu;
        lowest = limit + 1;
        if (limit >= highest) {
            lowest = 1;
            highest = 0;
        }
    }
    static constexpr Segment from_descriptor(Selector selector, Descriptor descriptor) {
        Segment segment{
            selector, descriptor.rights(), descriptor.base(), descriptor.limit(), 0, 0, false, false, {}, {}, 0, 0};
        segment.refresh();
        return segment;
    }
    /// What real-address and virtual-8086 mode load (SDM 3B 21.1.1, 21.2): base = selector * 16.
    /// Real mode keeps limit and rights ("unreal" mode works); virtual-8086 mode fixes them.
    static constexpr Segment virtual8086(u16 value) {
        Segment segment{{{value}}, {{0xf300}}, u32{value} << 4, 0xffff, 0, 0, false, false, {}, {}, 0, 0};
        segment.refresh();
        return segment;
    }
    constexpr void load_real_mode(u16 value) {
        selector = {{value}};
        source = {};
        base = u32{value} << 4;
        // A segment that protected mode left null, or as code, becomes present writable data again.
        constexpr u32 kept = mask_of<SegmentRights::AVL, SegmentRights::DB, SegmentRights::G>();
        rights = {{(rights.raw & kept) | 0x9300}};
        refresh();
    }
};

/// GDTR and IDTR.
struct TableRegister {
    u32 base{};
    u16 limit{};
};

} // namespace ring3
