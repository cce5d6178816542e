// NativeRunner: x87, MMX, SSE and AVX instructions run on the host processor, on the guest's saved state.
//
// Re-implementing 1,500 vector instructions would be slow to write, slow to run and wrong in the last bit. So the
// interpreter takes the instruction's bytes, re-points its memory operand at a buffer of ours and its general register
// at EAX, and runs that one instruction between loading and storing the guest's state:
//
//     fetch memory operand through the MMU -> buffer -> [load guest; insn; store guest; host state] -> buffer -> MMU
//
// Every fault that the guest must see (#NM, #UD, #GP for alignment, #PF) was raised before; only #XM can come from the
// run itself, and arrives as SIGFPE with the exact MXCSR.
//
// An instruction is re-encoded once (native_code.h). The result is a stub of 16 bytes, found again by a hash of what
// makes the instruction: row, ModRM without the address, immediate, VEX fields. The arena is bounded; when it is full,
// all stubs are dropped, so a guest that invents encodings costs time only.
//
// Cost (Emerald Rapids, nanoseconds): the run alone, and a whole routine with its checks and operands.
//                      run   register   load   store
//     SSE               7         16     22      24
//     AVX, 256 bits     9         20
//     x87, MMX         60         74     83      84     (FXRSTOR 25, FXSAVE 25; XRSTOR and XSAVE would be 87)
#pragma once

#include "base/result.h"
#include "host/native_entry.h"
#include "insn/operands.h"
#include "monitor/cpu/state.h"

#include <memory>

namespace ring3 {

/// All that is known about an instruction before it runs; depends on the encoding alone.
struct NativePlan {
    u64 key{};                 // 0: free
    u8 const* code{};          // the stub
    host::NativeEntry entry{}; // moves the state that it needs
    u8 memory_bytes{};         // at most 64
    u8 alignment{1};           // of the memory operand, or #GP(0)
    insn::Access memory{};
    insn::RegRef gpr{}; // the general register it names
    bool reads_gpr{}, writes_gpr{};
    bool reads_eax_edx{}, writes_ecx{}; // implicitly: string comparisons
    bool writes_flags{};
};

/// How this guest's processor keeps x87's instruction and data pointers: see x87_pointers.h.
struct X87PointerRules {
    bool known{}, data_on_exception_only{}, no_selectors{};
};

class NativeRunner {
public:
    /// Makes the code arena and installs the handler of SIGFPE and SIGILL. To be called before the process confines
    /// itself: run() makes no system call but the return from these signals (rt_sigreturn).
    static Result<std::unique_ptr<NativeRunner>> create();
    ~NativeRunner();
    NativeRunner(NativeRunner const&) = delete;

    /// Finds or makes the instruction's plan; good until the next call. Null: it cannot be run (it is #UD).
    NativePlan const* plan(insn::Insn const& insn);

    enum class Ending : u8 {
        completed,
        withheld,       // completed, but an unmasked x87 exception keeps the result from memory (SDM 1 8.5)
        simd_exception, // #XM: MXCSR holds the flags, nothing else changed
        invalid_opcode, // this processor does not know the encoding; nothing changed
    };
    /// Runs it on `state`; x87 exceptions that were pending before stay pending and do not disturb it. `frame` holds the memory operand and the general registers. x87's instruction and data
    /// pointers stay as they were: the host's addresses are none of the guest's business.
    static Ending run(NativePlan const& plan, ExtendedState& state, host::NativeFrame& frame);

    /// One frame for all instructions: building a fresh one costs more than a vector addition. What an earlier
    /// instruction left in it was the guest's own.
    host::NativeFrame& frame() { return frame_; }

    X87PointerRules& x87_pointer_rules() { return x87_pointer_rules_; }

private:
    struct Impl;
    explicit NativeRunner(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
    host::NativeFrame frame_{};
    X87PointerRules x87_pointer_rules_{};
};

} // namespace ring3
