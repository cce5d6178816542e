// Aims a case: gives it registers, and memory where random bytes would not do, so that its operands mostly lie in the
// data, and sometimes where it hurts.
#pragma once

#include "tests/oracle/random.h"
#include "tests/oracle/test_case.h"

namespace ring3::oracle {

/// Sets `test.image`, selectors of `tables` included, and `test.pokes`, and changes addresses and displacements within `test.bytes`: to be decoded anew.
void aim(Random& random, Tables const& tables, Case& test);

} // namespace ring3::oracle
