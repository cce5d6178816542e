// NativeRunner: x87, MMX, SSE and AVX instructions run on the host processor, on the guest's saved state.
//
// Re-implementing 1,500 vector instructions would be slow to write, slow to run and wrong in the last bit. So the
// interpreter takes the instruction's bytes, re-points its memory operand at a buffer of ours and its general registers
// at RAX, and runs that one instruction between XRSTOR and XSAVE of the guest's state:
//
//     fetch memory operand through the MMU -> buffer -> [xrstor guest; insn; xsave guest; host state] -> buffer -> MMU
//
// Every fault that the guest must see (#NM, #UD, #GP for alignment, #PF) was raised before; only #XM can come from the
// run itself, and arrives as SIGFPE with the exact MXCSR.
#pragma once

#include "base/result.h"
#include "insn/insn.h"
#include "monitor/cpu/state.h"

#include <memory>

namespace ring3 {

class NativeRunner {
public:
    /// Makes the code arena (mapped twice: writable, and executable) and installs the SIGFPE handler.
    /// To be called before the process confines itself; run() makes no system call.
    static Result<std::unique_ptr<NativeRunner>> create();
    virtual ~NativeRunner() = default;

    struct Operands {
        void* memory{}; // the buffer that stands for the memory operand: 64 bytes, 64-byte aligned
        u64 gpr{};      // in: the general register or source it reads; out: the one it wrote
        u64 eflags{};   // in and out: status flags
    };
    enum class Result_ : u8 { completed, simd_exception /* #XM: state holds the MXCSR flags; nothing else changed */ };
    /// Runs one decoded instruction on `state`.
    virtual Result_ run(insn::Insn const& insn, ExtendedState& state, Operands& operands) = 0;
};

} // namespace ring3
