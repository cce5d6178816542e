// EngineContext: what translated code and the engine share besides the guest's registers. It lies behind GuestCpu in the
// Vcpu; r15 points at GuestCpu while translated code runs, and everything is reached by its distance from there.
#pragma once

#include "base/types.h"

namespace ring3 {

struct alignas(64) EngineContext {
    // the hand-over at entries and exits
    u64 resume{};       // host pc to enter at
    u64 r8{}, r9{};     // scratch registers as they were at an exit: a branch target, the number of an exit record
    u64 host_sp{};      // the engine's own stack while translated code runs
    u64 return_sp{};    // rsp of translated code: the stack of host return addresses
    u64 return_top{};   // where it starts
    u64 jump_table{};   // r13
    u64 window{};       // r14
    u64 callout{};      // u64 (*)(Engine*, u32 record): 0 to go on behind the call, 1 to leave, else where to go
    u64 engine{};       // its first argument
    u32 exit_kind{};    // why translated code was left
    u16 packed_flags{}; // the guest's status flags as LAHF and SETO leave them (see host/alu.h)
    u8 fpu_loaded{};    // x87, SSE and AVX state is in the processor, not in GuestCpu::fpu
    u8 event_pending{}; // an interrupt waits for IF: STI, POPF and IRET must look
    u64 saved_rax{};    // across a look-up while r11 holds something else
    u32 default_mxcsr{0x1f80}; // for C++ between two pieces of translated code
    u64 direct{}, inlined{};   // guest instructions executed, with --stats
};

} // namespace ring3
