#include "tests/oracle/descriptors.h"

namespace ring3::oracle {

namespace {

using Rights = SegmentRights;

constexpr u64 descriptor(u32 base, u32 limit_field, u32 rights) {
    u64 const low = (limit_field & 0xffff) | u64{base & 0xff'ffff} << 16;
    u64 const high = rights | (base >> 24) << 24 | (limit_field & 0xf'0000);
    return high << 32 | low;
}

constexpr u32 user_segment = Rights::S::mask | Rights::DPL::mask | Rights::Accessed::mask;

constexpr u64 planned(SegmentPlan const& plan, bool is_code) {
    u32 const type = static_cast<u32>(Rights::Writable::mask) | (is_code ? u32{Rights::Code::mask} : 0);
    return descriptor(plan.base, plan.limit, user_segment | static_cast<u32>(Rights::P::mask) | type);
}

/// Mostly such that the test's code or data lie within.
u32 random_base(Random& random, bool is_code) {
    if (random.one_in(8)) return random.pick<u32>({0, random.word32(), 0xffff'f000});
    if (is_code) return random.pick<u32>({0, ORACLE_CODE, ORACLE_CODE, ORACLE_CODE - 0x1000});
    return random.pick<u32>({0, ORACLE_DATA, ORACLE_DATA - 0x800, data16_segment.base, data16_segment.base});
}

/// The 20 bits as they stand in the descriptor.
u32 random_limit(Random& random) {
    return random.pick<u32>({0xf'ffff, 0xffff, data_span - 1, data16_segment.limit, 0x1800, 0x97, 0xa0, 0, 4,
                             random.below(0x10000), random.below(0x10'0000)});
}

u64 random_entry(Random& random) {
    if (random.one_in(16)) return 0;
    u32 const type = random.below(random.one_in(8) ? 4 : 3); // data, expand-down data, code, conforming code
    bool const is_code = type >= 2, conforming = type == 3;
    u32 rights = user_segment | type << 10;
    if (!random.one_in(3)) rights |= u32{Rights::Writable::mask};
    if (!conforming && !random.one_in(8)) rights |= u32{Rights::P::mask};
    for (u64 const bit : {Rights::AVL::mask, Rights::DB::mask, Rights::G::mask})
        if (random.one_in(2)) rights |= static_cast<u32>(bit);
    u64 const entry = descriptor(random_base(random, is_code), random_limit(random), rights);
    // Linux takes this one for a wish to have none, and stores 0.
    constexpr u64 meant_as_empty = descriptor(0, 0, user_segment);
    return entry == meant_as_empty ? 0 : entry;
}

u16 ldt_selector(u32 index, u32 rpl) {
    constexpr u32 in_ldt = 4;
    return static_cast<u16>(index << 3 | in_ldt | rpl);
}

/// The last entry of Linux's GDT has the processor's number as its limit: it changes when the process moves.
constexpr u32 stable_gdt_entries = 15;
constexpr u32 ldt_entries_of_modes = 2;

u16 random_rpl(Random& random) {
    return static_cast<u16>(random.one_in(4) ? random.below(4) : 3);
}

} // namespace

Descriptor Tables::at(u16 selector) const {
    u32 const index = selector >> 3;
    bool const local = (selector & 4) != 0;
    if (index >= table_entries || (local && !has_ldt)) return {};
    return {local ? ldt[index] : gdt[index]};
}

void change_ldt(Random& random, DescriptorTable& ldt) {
    constexpr unsigned changes = 3; // each is a system call
    for (unsigned i = 0; i < changes; ++i)
        ldt[ldt_entries_of_modes + random.below(table_entries - ldt_entries_of_modes)] = random_entry(random);
}

DescriptorTable new_ldt(Random& random) {
    DescriptorTable ldt{planned(code16_segment, true), planned(data16_segment, false)};
    for (u32 i = ldt_entries_of_modes; i < table_entries; ++i) ldt[i] = random_entry(random);
    return ldt;
}

u16 any_selector(Random& random, Tables const& tables) {
    u16 const rpl = random_rpl(random);
    switch (random.below(8)) {
    case 0: return static_cast<u16>(random.below(stable_gdt_entries) << 3 | rpl);
    case 1: return static_cast<u16>(random.below(4));
    case 2: return static_cast<u16>((table_entries + random.below(8192 - table_entries)) << 3 | random.below(8));
    case 3: return loadable_selector(random, tables);
    default: return ldt_selector(random.below(table_entries), rpl);
    }
}

u16 loadable_selector(Random& random, Tables const& tables) {
    for (unsigned attempt = 0; attempt < 4; ++attempt) {
        u16 const selector = ldt_selector(random.below(table_entries), 3);
        Rights const rights = tables.at(selector).rights();
        if (rights.is_readable() && rights.has<Rights::P>()) return selector;
    }
    return random.pick<u16>({0, SELECTOR_DATA});
}

u16 home_selector(Random& random, Tables const& tables, Mode mode) {
    constexpr u32 code_end = 0x90; // as far as an instruction and both landings go
    bool const wide = mode == Mode::flat32;
    u16 const usual = wide ? SELECTOR_CODE32 : SELECTOR_CODE16;
    if (!random.one_in(6)) return usual;
    for (unsigned attempt = 0; attempt < 4; ++attempt) {
        u16 const selector = ldt_selector(random.below(table_entries), 3);
        Descriptor const d = tables.at(selector);
        Rights const rights = d.rights();
        bool const fits = rights.is_code() && rights.has<Rights::P>() && rights.has<Rights::DB>() == wide;
        u64 const end = u64{tables.code_start(selector)} + code_end;
        if (fits && end <= d.limit() && (wide || end <= 0xffff)) return selector;
    }
    return usual;
}

u16 code_selector(Random& random, Tables const& tables) {
    for (unsigned attempt = 0; attempt < 4; ++attempt) {
        u16 const selector = ldt_selector(random.below(table_entries), random_rpl(random));
        if (tables.at(selector).rights().is_code()) return selector;
    }
    return random.pick<u16>({SELECTOR_CODE32, SELECTOR_CODE16});
}

} // namespace ring3::oracle
