// The x87 environment in memory: FNSTENV, FLDENV, FNSAVE, FRSTOR, in four formats (SDM 1 8.1.10, figures 8-9 to 8-12).
//
//                       32-bit operands                          16-bit operands
//     protected mode    control, status, tag                     control, status, tag
//                       FIP | FCS, FOP | FDP | FDS               FIP | FCS | FDP | FDS
//     real, v8086       the same, but pointers are linear        the same, with 20-bit linear pointers;
//                       addresses in two parts, and FOP          FOP beside FIP's high part
#pragma once

#include "monitor/interpreter/fpu_state.h"
#include "monitor/interpreter/vcpu.h"

#include <span>

namespace ring3 {

enum class EnvironmentFormat : u8 { protected16, protected32, real16, real32 };

constexpr unsigned environment_size(EnvironmentFormat format) {
    return format == EnvironmentFormat::protected16 || format == EnvironmentFormat::real16 ? 14 : 28;
}

/// `bytes` holds environment_size(format).
void write_environment(FxImage const& fx, EnvironmentFormat format, std::span<u8> bytes);
/// The registers' tags are loaded as far as they say "empty"; the caller derives ES and cleans the pointers.
void read_environment(FxImage& fx, EnvironmentFormat format, std::span<u8 const> bytes);

Outcome fnstenv(Vcpu& v, insn::Insn const& insn);
Outcome fldenv(Vcpu& v, insn::Insn const& insn);
Outcome fnsave(Vcpu& v, insn::Insn const& insn);
Outcome frstor(Vcpu& v, insn::Insn const& insn);

} // namespace ring3
