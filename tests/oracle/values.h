// Values that instructions find interesting: borders and special numbers beside noise.
#pragma once

#include "monitor/cpu/state.h"
#include "tests/oracle/random.h"

namespace ring3::oracle {

/// A general register's value.
u32 random_value(Random& random);
/// Eight bytes of a vector operand: integers, one double or two floats, of all classes.
u64 random_operand(Random& random);
/// x87, SSE and AVX state: all of it, header included.
void fill_extended_state(Random& random, ExtendedState& state);

} // namespace ring3::oracle
