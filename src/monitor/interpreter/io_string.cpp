// INS and OUTS, one iteration a visit: each is a boundary at which interrupts come in (SDM 2A INS, 2B OUTS, REP).
#include "monitor/interpreter/io.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

u32 address_mask(insn::Insn const& insn) {
    return insn.address_width == 2 ? 0xffffu : 0xffff'ffffu;
}

void write_by_address_size(GuestCpu& cpu, Gpr name, insn::Insn const& insn, u32 value) {
    if (insn.address_width == 2)
        cpu.write<u16>(reg_ref(name), static_cast<u16>(value));
    else
        cpu.write<u32>(reg_ref(name), value);
}

void advance(GuestCpu& cpu, Gpr index, insn::Insn const& insn) {
    u32 const old = static_cast<u32>(cpu.gpr[index]);
    write_by_address_size(cpu, index, insn, cpu.eflags.has<Eflags::DF>() ? old - insn.width : old + insn.width);
}

Outcome load_element(Vcpu& vcpu, SegmentName segment, u32 offset, unsigned bytes, u32& value) {
    value = 0;
    return vcpu.load_bytes(segment, offset, &value, bytes);
}

/// The memory is checked before the port is read: a fault must not swallow what the device gave.
Outcome ins_once(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    u16 const port = cpu.read<u16>(reg_ref(edx));
    u32 const offset = static_cast<u32>(cpu.gpr[edi]) & address_mask(insn);
    Linear destination;
    TRY_GUEST(vcpu.linear_for(SegmentName::es, offset, insn.width, Access::write, destination));
    TRY_GUEST(vcpu.mmu.probe(destination, vcpu.privilege(), Access::write, insn.width));
    u32 const value = read_port(vcpu, port, insn.width);
    TRY_GUEST(vcpu.mmu.write_bytes(destination, vcpu.privilege(), &value, insn.width));
    advance(cpu, edi, insn);
    return Outcome::next();
}

Outcome outs_once(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    u16 const port = cpu.read<u16>(reg_ref(edx));
    u32 value = 0;
    u32 const offset = static_cast<u32>(cpu.gpr[esi]) & address_mask(insn);
    TRY_GUEST(load_element(vcpu, Vcpu::segment_of(insn), offset, insn.width, value));
    write_port(vcpu, port, value, insn.width);
    advance(cpu, esi, insn);
    return Outcome::next();
}

/// The port must be permitted even if the count is 0: so processors do.
template <Outcome (*once)(Vcpu&, insn::Insn const&)> Outcome repeat_port(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    TRY_GUEST(check_port_permission(vcpu, cpu.read<u16>(reg_ref(edx)), insn.width));
    bool const repeated = insn.rep || insn.repne;
    u32 const count = static_cast<u32>(cpu.gpr[ecx]) & address_mask(insn);
    if (repeated && count == 0) return Outcome::next();
    TRY_GUEST(once(vcpu, insn));
    if (!repeated) return Outcome::leave();
    write_by_address_size(cpu, ecx, insn, count - 1);
    return count == 1 ? Outcome::leave() : Outcome::again();
}

} // namespace

Outcome ins(Vcpu& vcpu, insn::Insn const& insn) {
    return repeat_port<ins_once>(vcpu, insn);
}

Outcome outs(Vcpu& vcpu, insn::Insn const& insn) {
    return repeat_port<outs_once>(vcpu, insn);
}

} // namespace ring3
