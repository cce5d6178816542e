// Aims at segments: which selectors a case starts with, and which it loads or jumps to.
#pragma once

#include "tests/oracle/descriptors.h"
#include "tests/oracle/random.h"
#include "tests/oracle/test_case.h"

namespace ring3::oracle {

/// Sets `test.image.selectors`: mostly those of the mode, FS and GS mostly random ones.
void choose_segments(Random& random, Tables const& tables, Case& test);

/// A far pointer as the operand of this far transfer, which mostly leads to the far landing: offset, then selector.
struct FarTarget {
    u32 offset;
    u16 selector;
};
FarTarget far_target(Random& random, Tables const& tables);

/// How a far pointer lies in memory.
std::vector<u8> pointer_bytes(FarTarget target, unsigned operand_size);
/// How RET and IRET find it on the stack, flags included.
std::vector<u8> frame_bytes(FarTarget target, u32 flags, unsigned operand_size);

} // namespace ring3::oracle
