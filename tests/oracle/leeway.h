// What the manual leaves to each processor: differences there count for nothing. Every function here says which sentence
// of the manual gives the leeway.
#pragma once

#include "tests/oracle/test_case.h"

namespace ring3::oracle {

/// The flags to compare: those user mode can change, less what this instruction leaves undefined.
u32 compared_flags(Case const& test);
/// Did the case end alike on both sides?
bool same_ending(Case const& test, Ending native, Ending guest);
/// May a store that faulted have written a part of its bytes?
bool may_store_partly(Case const& test, Ending native);
/// Fast-string operation (SDM 1 7.3.9.3) looks at linear addresses to see whether two strings overlap. The tests' data
/// have two, so processors may take what overlaps for what does not.
bool may_copy_otherwise(Case const& test);
/// Null selectors are all alike: those with an RPL become 0 whenever an interrupt returns (SDM 2A IRET), so that nobody
/// can rely on it.
bool same_selector(u16 native, u16 guest);
/// Takes what only the host can know from it: time, random numbers, CPUID, XCR0. All around it is compared.
void hide_host_values(Case const& test, CpuImage const& native, CpuImage& guest);
/// Brings state that a faulting instruction leaves as it likes to one form.
void make_comparable(Case const& test, Ending native, CpuImage& image);

} // namespace ring3::oracle
