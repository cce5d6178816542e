// Far JMP, CALL, RET and IRET (SDM 2A, 2B; 3A 5.8 and 7.3).
#pragma once

#include "monitor/interpreter/stack_frame.h"
#include "monitor/interpreter/task.h"

namespace ring3 {

struct FarPointer {
    Selector selector{};
    u32 offset{};
};

/// Reads selector and offset of a far pointer in memory: LDS and its kind, far JMP and CALL.
Outcome load_far_pointer(Vcpu& vcpu, insn::Insn const& insn, FarPointer& out);

/// A code segment to go to, checked for type, privilege and presence.
struct CodeTarget {
    Selector selector{};
    Descriptor descriptor{};
    u32 offset{};
    unsigned cpl{};
};

/// Far JMP and CALL to a code segment without a gate: DPL against CPL and RPL, presence (SDM 3A 5.8.1).
Outcome check_direct_target(Vcpu& vcpu, FarPointer to, Descriptor descriptor, CodeTarget& out);
/// A call gate's own privilege and presence (SDM 3A 5.8.4); task gates and TSS descriptors obey the same rule.
Outcome check_gate_access(Vcpu const& vcpu, Selector selector, SegmentRights rights);
/// The code segment that a call gate leads to. JMP may not change the privilege level.
enum class MayRaisePrivilege : u8 { no, yes };
Outcome check_gate_target(Vcpu& vcpu, Gate gate, MayRaisePrivilege raise, CodeTarget& out);

/// #GP(0) if the target lies outside its segment.
inline Outcome check_offset(CodeTarget const& target) {
    return target.offset > target.descriptor.limit() ? general_protection() : Outcome::next();
}
/// Loads CS, CPL and next_eip.
void enter_target(Vcpu& vcpu, CodeTarget const& target);

/// Real-address and virtual-8086 mode: CS := selector, base := selector * 16.
Outcome enter_real_target(Vcpu& vcpu, FarPointer to);

/// The code segment that RET or IRET goes back to (SDM 2B RET): type, RPL, DPL, presence. `cpl` becomes its RPL.
Outcome check_return_target(Vcpu& vcpu, FarPointer to, CodeTarget& out);
/// Back to an outer level: SS:ESP from the frame, data segments made null. `release` bytes of parameters are dropped.
Outcome return_to_outer_level(Vcpu& vcpu, CodeTarget const& target, FarPointer stack, u32 release);

} // namespace ring3
