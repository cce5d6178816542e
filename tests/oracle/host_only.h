// Encodings that the host may know and the guest's processor does not: they must not run natively where #UD is expected.
#pragma once

#include "tests/oracle/mode.h"

#include <span>

namespace ring3::oracle {

/// Are these bytes, which our decoder refuses, an instruction of a feature that guests are never offered, or one that
/// would leave the test (a hypercall, say)?
bool host_only(Mode mode, std::span<u8 const> bytes);

} // namespace ring3::oracle
