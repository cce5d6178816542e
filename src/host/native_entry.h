// The way in and out of one guest instruction that runs on the host processor (x87, MMX, SSE, AVX).
//
//     entry: save the host's MXCSR -> load the guest's vector state -> load flags, eax, ecx, edx; rdi = frame.memory
//              -> call the stub: one instruction and RET
//            store eax, ecx and flags -> store the guest's vector state -> give the host its ABI state back
//
// Three entries, by the state that the instruction can touch; each moves just that. No system call is made, and no guest
// value is left in a register that the ABI preserves.
//
// A stub may fault in two ways: SIGFPE (an unmasked SIMD exception, as the guest's MXCSR asks) and SIGILL (an encoding
// that this processor does not know). The handler recognises the entry by the stub's return address and resumes at the
// entry's fault exit: MXCSR is stored, as its flags say which exception it was; all other guest state stays as it was.
#pragma once

#include "base/result.h"
#include "host/native_offsets.h"

#include <csignal>
#include <cstddef>

namespace ring3::host {

/// What an entry works on. `state` points to an image in XSAVE's standard format; 16-byte aligned.
struct alignas(64) NativeFrame {
    u8 const* code{}; // the stub
    void* state{};
    u64 rax{}, rcx{}, rdx{}; // in and out
    u8 flags{};              // SF ZF AF PF CF, in their EFLAGS positions: in and out
    u8 overflow{};           // OF after the instruction: 0 or 1
    alignas(64) u8 memory[64]{};
};
static_assert(offsetof(NativeFrame, code) == NATIVE_FRAME_CODE && offsetof(NativeFrame, state) == NATIVE_FRAME_STATE);
static_assert(offsetof(NativeFrame, rax) == NATIVE_FRAME_RAX && offsetof(NativeFrame, rcx) == NATIVE_FRAME_RCX);
static_assert(offsetof(NativeFrame, rdx) == NATIVE_FRAME_RDX && offsetof(NativeFrame, flags) == NATIVE_FRAME_FLAGS);
static_assert(offsetof(NativeFrame, overflow) == NATIVE_FRAME_OVERFLOW);
static_assert(offsetof(NativeFrame, memory) == NATIVE_FRAME_MEMORY);

/// Returns 0, or the signal (SIGFPE, SIGILL) that the instruction raised.
using NativeEntry = int (*)(NativeFrame*);

extern "C" {
int ring3_native_enter_x87(NativeFrame*); // x87 and MMX, XMM0-7, MXCSR: for instructions that touch the x87 state
int ring3_native_enter_sse(NativeFrame*); // XMM0-7, MXCSR
int ring3_native_enter_avx(NativeFrame*); // YMM0-7, MXCSR
}

/// Installs the handler of SIGFPE and SIGILL, once per process; later calls do nothing. Signals that do not come from a
/// stub go to the action that was there before.
Result<void> install_native_fault_handler();

/// Makes the processor forget what it has fetched ahead: code was written through another address (SDM 3A 9.1.3).
void serialize_instruction_fetch();

} // namespace ring3::host
