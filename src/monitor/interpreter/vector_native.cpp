#include "monitor/interpreter/vector_native.h"

#include "insn/operands.h"
#include "monitor/interpreter/native_code.h"
#include "monitor/interpreter/native_runner.h"
#include "monitor/interpreter/vector_checks.h"
#include "monitor/interpreter/x87_control.h"
#include "monitor/interpreter/x87_pointers.h"

#include <cstring>

namespace ring3 {
namespace {

using host::NativeFrame;
using insn::Insn;
using insn::InsnDef;

constexpr u8 flags_in_frame = Eflags::status & 0xff; // SF ZF AF PF CF; OF is a byte of its own

struct Block16 {
    u8 bytes[16];
};
struct Block32 {
    u8 bytes[32];
};

template <class T> Outcome read_as(Vcpu& v, Linear address, NativeFrame& frame) {
    return v.mmu.read(address, v.privilege(), *static_cast<T*>(static_cast<void*>(frame.memory)));
}

/// The common sizes hit the software TLB inline.
Outcome read_memory(Vcpu& v, Linear address, unsigned size, NativeFrame& frame) {
    switch (size) {
    case 4: return read_as<u32>(v, address, frame);
    case 8: return read_as<u64>(v, address, frame);
    case 16: return read_as<Block16>(v, address, frame);
    case 32: return read_as<Block32>(v, address, frame);
    default: return v.mmu.read_bytes(address, v.privilege(), frame.memory, size);
    }
}

/// A memory destination after its checks: nothing about it can fault any more.
struct MemoryOperand {
    Linear address{};
    u8* host{}; // where to store directly, or nullptr: through the MMU
};

/// Plain RAM within one page, and no alignment checks to make?
u8* direct_store(Vcpu& v, Linear address, unsigned size) {
    bool const checks_alignment = v.cpu.cpl == 3 && v.cpu.eflags.has<Eflags::AC>();
    if (checks_alignment || address.page_offset() + size > page_size) return nullptr;
    return v.mmu.direct_write(address, v.privilege());
}

bool reads_memory(NativePlan const& plan) {
    return plan.memory_bytes != 0 && plan.memory != insn::Access::write;
}
bool writes_memory(NativePlan const& plan) {
    return plan.memory_bytes != 0 && plan.memory != insn::Access::read;
}

/// x87's 80-bit formats count as quadwords where #AC is checked (SDM 3A table 6-7); all other sizes are powers of two.
Outcome operand_address(Vcpu& v, Insn const& insn, NativePlan const& plan, Access access, Linear& address) {
    constexpr unsigned extended = 10, quadword = 8;
    if (plan.memory_bytes == extended) return checked_operand(v, insn, extended, quadword, access, address);
    return aligned_operand(v, insn, plan.memory_bytes, plan.alignment, access, address);
}

Outcome fetch_memory(Vcpu& v, Insn const& insn, NativePlan const& plan, NativeFrame& frame) {
    if (!reads_memory(plan)) return Outcome::next();
    Linear address;
    TRY_GUEST(operand_address(v, insn, plan, Access::read, address));
    return read_memory(v, address, plan.memory_bytes, frame);
}

/// Makes sure that the memory operand can be written.
Outcome prepare_store(Vcpu& v, Insn const& insn, NativePlan const& plan, MemoryOperand& operand) {
    if (!writes_memory(plan)) return Outcome::next();
    TRY_GUEST(operand_address(v, insn, plan, Access::write, operand.address));
    operand.host = direct_store(v, operand.address, plan.memory_bytes);
    if (operand.host != nullptr) [[likely]]
        return Outcome::next();
    return v.mmu.probe(operand.address, v.privilege(), Access::write, plan.memory_bytes);
}

/// memcpy with the common sizes known to the compiler.
void copy_operand(u8* to, u8 const* from, unsigned size) {
    switch (size) {
    case 4: std::memcpy(to, from, 4); break;
    case 8: std::memcpy(to, from, 8); break;
    case 16: std::memcpy(to, from, 16); break;
    case 32: std::memcpy(to, from, 32); break;
    default: std::memcpy(to, from, size); break;
    }
}

Outcome store_memory(Vcpu& v, NativePlan const& plan, NativeFrame const& frame, MemoryOperand const& operand) {
    if (!writes_memory(plan)) return Outcome::next();
    if (operand.host == nullptr)
        return v.mmu.write_bytes(operand.address, v.privilege(), frame.memory, plan.memory_bytes);
    copy_operand(operand.host, frame.memory, plan.memory_bytes);
    return Outcome::next();
}

void fetch_registers(Vcpu const& v, NativePlan const& plan, NativeFrame& frame) {
    if (plan.reads_gpr) frame.rax = v.cpu.read<u32>(plan.gpr);
    if (plan.reads_eax_edx) {
        frame.rax = v.cpu.read<u32>(reg_ref(eax));
        frame.rdx = v.cpu.read<u32>(reg_ref(edx));
    }
    frame.flags = static_cast<u8>(v.cpu.eflags.raw & flags_in_frame);
}

void commit_registers(Vcpu& v, NativePlan const& plan, NativeFrame const& frame) {
    if (plan.writes_gpr) v.cpu.write(plan.gpr, static_cast<u32>(frame.rax));
    if (plan.writes_ecx) v.cpu.write(reg_ref(ecx), static_cast<u32>(frame.rcx));
    if (!plan.writes_flags) return;
    // All that write a status flag define all six (FCOMI, COMISS, PTEST, PCMPxSTRx).
    u32 const rest = v.cpu.eflags.raw & ~Eflags::status;
    v.cpu.eflags = Eflags{{rest | (frame.flags & u32{flags_in_frame})}}.with<Eflags::OF>(frame.overflow);
}

/// Finds the instruction's plan and fetches the operands.
Outcome prepare(Vcpu& v, Insn const& insn, NativePlan const*& plan) {
    plan = v.native.plan(insn);
    if (plan == nullptr) return Outcome::fault(Vector::ud);
    TRY_GUEST(fetch_memory(v, insn, *plan, v.native.frame()));
    fetch_registers(v, *plan, v.native.frame());
    return Outcome::next();
}

Outcome outcome_of(Vcpu const& v, NativeRunner::Ending ending) {
    switch (ending) {
    case NativeRunner::Ending::completed:
    case NativeRunner::Ending::withheld: return Outcome::next();
    case NativeRunner::Ending::simd_exception: return simd_exception(v);
    case NativeRunner::Ending::invalid_opcode: break;
    }
    return Outcome::fault(Vector::ud);
}

/// An instruction that stores changes no register. So its faults of memory may come after the run, and must: VCVTPS2PH's
/// #XM comes first (SDM 3A 6.9), and MXCSR keeps its flags.
template <Outcome (*check)(Vcpu&)> Outcome run_vector(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check(v));
    NativePlan const* plan;
    TRY_GUEST(prepare(v, insn, plan));
    TRY_GUEST(outcome_of(v, NativeRunner::run(*plan, v.cpu.fpu, v.native.frame())));
    commit_registers(v, *plan, v.native.frame());
    MemoryOperand destination;
    TRY_GUEST(prepare_store(v, insn, *plan, destination));
    return store_memory(v, *plan, v.native.frame(), destination);
}

/// For a store that would fault: an unmasked exception of the instruction's own comes first, as then nothing is stored.
Outcome fault_unless_withheld(Vcpu& v, Insn const& insn, NativePlan const& plan, Outcome fault) {
    FxImage const before = fx_of(v);
    if (NativeRunner::run(plan, v.cpu.fpu, v.native.frame()) == NativeRunner::Ending::withheld) {
        remember_x87_instruction(v, insn);
        return Outcome::next();
    }
    fx_of(v) = before;
    return fault;
}

/// Exceptions of x87 are raised by the next waiting instruction, so this one always completes; but it may not store.
/// It may pop: its store must not fault after the run.
Outcome run_x87(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_x87(v));
    NativePlan const* plan;
    TRY_GUEST(prepare(v, insn, plan));
    MemoryOperand destination;
    Outcome const prepared = prepare_store(v, insn, *plan, destination);
    if (!prepared.is_next()) [[unlikely]]
        return fault_unless_withheld(v, insn, *plan, prepared);
    NativeRunner::Ending const ending = NativeRunner::run(*plan, v.cpu.fpu, v.native.frame());
    TRY_GUEST(outcome_of(v, ending));
    commit_registers(v, *plan, v.native.frame());
    remember_x87_instruction(v, insn);
    if (ending == NativeRunner::Ending::withheld) return Outcome::next();
    return store_memory(v, *plan, v.native.frame(), destination);
}

} // namespace

Outcome simd_exception(Vcpu const& v) {
    return Outcome::fault(v.cpu.cr4.has<Cr4::OSXMMEXCPT>() ? Vector::xm : Vector::ud);
}

Handler pick_x87(Insn const& insn) {
    // Those that do not wait are FNSTSW m16, and leftovers of the 8087 and 287 that do nothing.
    if (insn.def->vector == insn::VectorType::x87_nowait) return insn.has_memory ? fnstsw_memory : x87_without_effect;
    return run_x87;
}

/// SDM 2A CVTPI2PD: it leaves the x87 state alone if its source is memory. CVTPI2PS does the same on processors that
/// could be asked, though its page does not say so.
static bool is_cvtpi2(InsnDef const& def) {
    return def.vector == insn::VectorType::mmx_sse && def.opcode == 0x2a;
}

/// VCVTPH2PS and VCVTPS2PH: SDM 2A 2.4, type 11.
static Outcome run_half_conversion(Vcpu& v, Insn const& insn) {
    WithoutAlignmentChecks const guard{v};
    return run_vector<check_avx>(v, insn);
}

Handler pick_vector(Insn const& insn) {
    InsnDef const& def = *insn.def;
    if (def.feature == insn::Feature::f16c) return run_half_conversion;
    if (insn.vex) return run_vector<check_avx>;
    if (is_cvtpi2(def) && insn.has_memory) return run_vector<check_sse>;
    if (uses_mmx(def)) return uses_xmm(def) ? run_vector<check_mmx_and_sse> : run_vector<check_mmx>;
    if (def.vector == insn::VectorType::sse_no_fault) return run_vector<check_none>;
    return run_vector<check_sse>;
}

} // namespace ring3
