// Operands of system instructions: a 16-bit E operand read, and a register-or-16-bits-of-memory operand written.
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

/// Ew: LLDT, LTR, LMSW, VERR, MOV Sw,E and their kind.
inline Outcome read_word_operand(Vcpu& vcpu, insn::Insn const& insn, u16& value) {
    if (insn.has_memory) return vcpu.load(Vcpu::segment_of(insn), vcpu.effective_address(insn), value);
    value = vcpu.cpu.read<u16>(reg_ref(insn.rm()));
    return Outcome::next();
}

/// The register by operand size; in either case zero-extended from `value` (SDM 2B MOV, SLDT; 2A SMSW).
inline void write_sized_register(GuestCpu& cpu, u8 number, unsigned width, u32 value) {
    if (width == 2)
        cpu.write<u16>(reg_ref(number), static_cast<u16>(value));
    else
        cpu.write<u32>(reg_ref(number), value);
}

/// Rv/Mw: memory gets 16 bits whatever the operand size.
inline Outcome write_word_operand(Vcpu& vcpu, insn::Insn const& insn, u32 value) {
    if (insn.has_memory)
        return vcpu.store(Vcpu::segment_of(insn), vcpu.effective_address(insn), static_cast<u16>(value));
    write_sized_register(vcpu.cpu, insn.rm(), insn.operand_size, value);
    return Outcome::next();
}

/// SDM 3A 2.5, CR4.UMIP: user programs may be kept from seeing where the system's tables lie.
inline Outcome check_umip(Vcpu const& vcpu) {
    bool const hidden = vcpu.cpu.cr4.has<Cr4::UMIP>() && vcpu.cpu.cpl != 0;
    return hidden ? Outcome::fault(Vector::gp, 0) : Outcome::next();
}

/// EDX:EAX, which RDMSR, RDTSC, XGETBV and their counterparts use.
inline u64 read_pair(GuestCpu const& cpu) {
    return cpu.gpr[edx] << 32 | cpu.gpr[eax];
}
inline void write_pair(GuestCpu& cpu, u64 value) {
    cpu.gpr[eax] = value & 0xffff'ffff;
    cpu.gpr[edx] = value >> 32;
}

} // namespace ring3
