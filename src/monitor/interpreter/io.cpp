// IN and OUT (SDM 2A IN, 2B OUT; 1 19.5).
#include "monitor/interpreter/io.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

void note_port_breakpoints(GuestCpu& cpu, u16 port, unsigned bytes) {
    if (!cpu.cr4.has<Cr4::DE>() || !cpu.dr7.has<Dr7::Enables>()) return;
    for (unsigned i = 0; i < 4; ++i) {
        if (cpu.dr7.condition(i) != Dr7::Condition::io || !cpu.dr7.enabled(i)) continue;
        u32 const length = cpu.dr7.length(i);
        u64 const first = cpu.dr[i] & ~(length - 1);
        if (port < first + length && first < u64{port} + bytes) cpu.pending_debug |= 1u << i;
    }
}

namespace {

/// The immediate forms are opcodes E4H-E7H, those with DX ECH-EFH.
u16 port_of(GuestCpu const& cpu, insn::Insn const& insn) {
    bool const in_dx = (insn.def->opcode & 8) != 0;
    return in_dx ? cpu.read<u16>(reg_ref(edx)) : static_cast<u16>(insn.imm & 0xff);
}

/// An access to a device may have raised an interrupt, reset the machine or moved A20: let the run loop look.
constexpr Outcome after_port_access() {
    return Outcome::leave();
}

} // namespace

Outcome in(Vcpu& vcpu, insn::Insn const& insn) {
    u16 const port = port_of(vcpu.cpu, insn);
    unsigned const bytes = insn.width;
    TRY_GUEST(check_port_permission(vcpu, port, bytes));
    u32 const value = read_port(vcpu, port, bytes);
    switch (bytes) {
    case 1: vcpu.cpu.write<u8>(reg_ref(eax), static_cast<u8>(value)); break;
    case 2: vcpu.cpu.write<u16>(reg_ref(eax), static_cast<u16>(value)); break;
    default: vcpu.cpu.write<u32>(reg_ref(eax), value); break;
    }
    return after_port_access();
}

Outcome out(Vcpu& vcpu, insn::Insn const& insn) {
    u16 const port = port_of(vcpu.cpu, insn);
    unsigned const bytes = insn.width;
    TRY_GUEST(check_port_permission(vcpu, port, bytes));
    u32 const mask = bytes == 4 ? ~u32{0} : (1u << (8 * bytes)) - 1;
    write_port(vcpu, port, static_cast<u32>(vcpu.cpu.gpr[eax]) & mask, bytes);
    return after_port_access();
}

} // namespace ring3
