#include "monitor/interpreter/vector_native.h"

#include "insn/operands.h"
#include "monitor/interpreter/native_code.h"
#include "monitor/interpreter/native_runner.h"
#include "monitor/interpreter/vector_checks.h"
#include "monitor/interpreter/x87_control.h"
#include "monitor/interpreter/x87_pointers.h"

namespace ring3 {
namespace {

using host::NativeFrame;
using insn::Insn;
using insn::InsnDef;

constexpr u8 flags_in_frame = Eflags::status & 0xff; // SF ZF AF PF CF; OF is a byte of its own

/// Reads the memory operand, or makes sure that it can be written: after the run nothing may fault.
Outcome fetch_memory(Vcpu& v, Insn const& insn, NativePlan const& plan, NativeFrame& frame, Linear& address) {
    if (plan.memory == insn::Access::none || plan.memory_bytes == 0) return Outcome::next();
    bool const writes = plan.memory != insn::Access::read;
    TRY_GUEST(
        aligned_operand(v, insn, plan.memory_bytes, plan.alignment, writes ? Access::write : Access::read, address));
    if (writes) TRY_GUEST(v.mmu.probe(address, v.privilege(), Access::write, plan.memory_bytes));
    if (plan.memory == insn::Access::write) return Outcome::next();
    return v.mmu.read_bytes(address, v.privilege(), frame.memory, plan.memory_bytes);
}

Outcome store_memory(Vcpu& v, NativePlan const& plan, NativeFrame const& frame, Linear address) {
    if (plan.memory == insn::Access::none || plan.memory == insn::Access::read || plan.memory_bytes == 0)
        return Outcome::next();
    return v.mmu.write_bytes(address, v.privilege(), frame.memory, plan.memory_bytes);
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

/// Where an instruction's operands are, once all that can fault about them is past.
struct Prepared {
    NativePlan const* plan{};
    Linear address{};
    NativeFrame frame;
};

Outcome prepare(Vcpu& v, Insn const& insn, Prepared& p) {
    p.plan = v.native.plan(insn);
    if (p.plan == nullptr) return Outcome::fault(Vector::ud);
    TRY_GUEST(fetch_memory(v, insn, *p.plan, p.frame, p.address));
    fetch_registers(v, *p.plan, p.frame);
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

template <Outcome (*check)(Vcpu&)> Outcome run_vector(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check(v));
    Prepared p;
    TRY_GUEST(prepare(v, insn, p));
    TRY_GUEST(outcome_of(v, NativeRunner::run(*p.plan, v.cpu.fpu, p.frame)));
    commit_registers(v, *p.plan, p.frame);
    return store_memory(v, *p.plan, p.frame, p.address);
}

/// Exceptions of x87 are raised by the next waiting instruction, so this one always completes; but it may not store.
Outcome run_x87(Vcpu& v, Insn const& insn) {
    TRY_GUEST(check_x87(v));
    Prepared p;
    TRY_GUEST(prepare(v, insn, p));
    NativeRunner::Ending const ending = NativeRunner::run(*p.plan, v.cpu.fpu, p.frame);
    TRY_GUEST(outcome_of(v, ending));
    commit_registers(v, *p.plan, p.frame);
    remember_x87_instruction(v, insn);
    if (ending == NativeRunner::Ending::withheld) return Outcome::next();
    return store_memory(v, *p.plan, p.frame, p.address);
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

Handler pick_vector(Insn const& insn) {
    InsnDef const& def = *insn.def;
    if (insn.vex) return run_vector<check_avx>;
    if (uses_mmx(def)) return uses_xmm(def) ? run_vector<check_mmx_and_sse> : run_vector<check_mmx>;
    if (def.vector == insn::VectorType::sse_no_fault) return run_vector<check_none>;
    return run_vector<check_sse>;
}

} // namespace ring3
