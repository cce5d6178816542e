// MOV to and from debug registers (SDM 3B 18.2; 2B MOV).
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

/// DR4 and DR5 are other names of DR6 and DR7, unless CR4.DE says that they do not exist. In the manual's order of
/// checks: #UD, #GP(0), then #DB of general detect (DR7.GD).
Outcome check_access(Vcpu& vcpu, u8& number) {
    GuestCpu& cpu = vcpu.cpu;
    if (number == 4 || number == 5) {
        if (cpu.cr4.has<Cr4::DE>()) return undefined_opcode();
        number = static_cast<u8>(number + 2);
    }
    TRY_GUEST(require_cpl0(vcpu));
    if (!cpu.dr7.has<Dr7::GD>()) return Outcome::next();
    cpu.pending_debug |= Dr6::BD::mask;
    return Outcome::fault(Vector::db);
}

} // namespace

Outcome mov_from_dr(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    u8 number = insn.reg();
    TRY_GUEST(check_access(vcpu, number));
    u32 const value = number < 4 ? cpu.dr[number] : number == 6 ? cpu.dr6.raw : cpu.dr7.raw;
    cpu.write<u32>(insn.dst, value);
    return Outcome::next();
}

Outcome mov_to_dr(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    u8 number = insn.reg();
    TRY_GUEST(check_access(vcpu, number));
    u32 const value = cpu.read<u32>(insn.dst);
    if (number == 6) {
        cpu.dr6 = Dr6::from_guest(value);
        return Outcome::next();
    }
    if (number == 7)
        cpu.dr7 = Dr7::from_guest(value);
    else
        cpu.dr[number] = value;
    vcpu.mmu.update_breakpoints();
    return Outcome::leave();
}

} // namespace ring3
