// The descriptors that both sides load segment registers from.
//
// The GDT is the host's own, as far as CPL 3 can see it; what it cannot see (DPL 0) is an empty entry for the guest, which
// user mode cannot tell apart: both are #GP to use and invisible to LAR. The LDT is ours: entries 0 and 1 are those that
// 16-bit code runs in (mode.h), the others are random. Linux sets DPL 3 and the accessed bit in all of them, takes no
// system descriptors, and takes conforming code only if it is not present.
#pragma once

#include "monitor/cpu/segment.h"
#include "tests/oracle/mode.h"
#include "tests/oracle/random.h"

#include <array>

namespace ring3::oracle {

inline constexpr unsigned table_entries = 16;
using DescriptorTable = std::array<u64, table_entries>;
inline constexpr u16 table_limit = table_entries * 8 - 1;

struct Tables {
    DescriptorTable gdt{}, ldt{};
    bool has_ldt{};
    /// An empty one for selectors that are null or lead beyond their table.
    Descriptor at(u16 selector) const;
    /// The offset of the instruction under test in this code segment.
    u32 code_start(u16 cs) const { return ORACLE_CODE - at(cs).base(); }
};

/// Replaces some random entries.
void change_ldt(Random& random, DescriptorTable& ldt);
/// The entries of mode.h, and random ones.
DescriptorTable new_ldt(Random& random);

/// Any selector, good or bad.
u16 any_selector(Random& random, Tables const& tables);
/// One that DS, ES, FS and GS can be loaded with; often a null selector.
u16 loadable_selector(Random& random, Tables const& tables);
/// One of a code segment that the test's code lies in, for this mode.
u16 home_selector(Random& random, Tables const& tables, Mode mode);
/// One of a code segment, if there is any.
u16 code_selector(Random& random, Tables const& tables);

} // namespace ring3::oracle
