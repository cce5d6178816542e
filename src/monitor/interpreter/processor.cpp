// The processor as a whole: HLT, time-stamp counter, identification (SDM 2A CPUID, HLT; 2B RDPMC, RDTSC, RDTSCP, RSM).
#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/msr_rules.h"
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_operands.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

Outcome check_tsc_access(Vcpu const& vcpu) {
    bool const denied = vcpu.cpu.cr4.has<Cr4::TSD>() && vcpu.cpu.cpl != 0;
    return denied ? general_protection() : Outcome::next();
}

/// SDM 3A 10.4.3: an APIC that is switched off by IA32_APIC_BASE is one that CPUID does not show.
bool apic_is_hidden(Platform& platform) {
    u64 base = 0;
    return !platform.msr_read(msr::apic_base, base) || (base & msr::apic_enabled) == 0;
}

} // namespace

Outcome hlt(Vcpu& vcpu, insn::Insn const&) {
    TRY_GUEST(require_cpl0(vcpu));
    vcpu.record(TraceKind::halt, vcpu.cpu.eflags.raw, vcpu.cpu.eip);
    vcpu.cpu.halted = true;
    return Outcome::halt();
}

Outcome rdtsc(Vcpu& vcpu, insn::Insn const&) {
    TRY_GUEST(check_tsc_access(vcpu));
    write_pair(vcpu.cpu, vcpu.platform.tsc() + vcpu.cpu.tsc_offset);
    return Outcome::next();
}

Outcome rdtscp(Vcpu& vcpu, insn::Insn const& insn) {
    TRY_GUEST(rdtsc(vcpu, insn));
    vcpu.cpu.gpr[ecx] = vcpu.cpu.tsc_aux;
    return Outcome::next();
}

/// There are no performance counters: whoever may execute RDPMC names one that does not exist.
Outcome rdpmc(Vcpu&, insn::Insn const&) {
    return general_protection();
}

Outcome cpuid(Vcpu& vcpu, insn::Insn const&) {
    GuestCpu& cpu = vcpu.cpu;
    u32 const leaf = static_cast<u32>(cpu.gpr[eax]);
    CpuidRegisters shown = vcpu.model.cpuid(leaf, static_cast<u32>(cpu.gpr[ecx]), cpu);
    constexpr u32 apic_feature = 1u << 9;
    if (leaf == 1 && apic_is_hidden(vcpu.platform)) shown.edx &= ~apic_feature;
    cpu.gpr[eax] = shown.eax;
    cpu.gpr[ebx] = shown.ebx;
    cpu.gpr[ecx] = shown.ecx;
    cpu.gpr[edx] = shown.edx;
    return Outcome::next();
}

/// There is no system management mode to return from.
Outcome rsm(Vcpu&, insn::Insn const&) {
    return undefined_opcode();
}

/// MONITOR arms nothing and MWAIT waits for nothing: software must expect spurious wake-ups (SDM 2B MWAIT).
Outcome monitor(Vcpu& vcpu, insn::Insn const& insn) {
    if (vcpu.cpu.cpl != 0) return undefined_opcode();
    if (static_cast<u32>(vcpu.cpu.gpr[ecx]) != 0) return general_protection();
    u32 const address = static_cast<u32>(vcpu.cpu.gpr[eax]) & (insn.address_width == 2 ? 0xffffu : 0xffff'ffffu);
    u8 ignored = 0;
    return vcpu.load(Vcpu::segment_of(insn), address, ignored);
}

Outcome mwait(Vcpu& vcpu, insn::Insn const&) {
    constexpr u32 interrupts_wake = 1; // the only extension, in ECX
    if (vcpu.cpu.cpl != 0) return undefined_opcode();
    if ((static_cast<u32>(vcpu.cpu.gpr[ecx]) & ~interrupts_wake) != 0) return general_protection();
    return Outcome::leave();
}

} // namespace ring3
