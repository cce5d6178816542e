// What may a selector be used for? LAR, LSL, VERR, VERW, ARPL (SDM 3A 5.10; 2A, 2B). None of them faults for a bad
// selector: ZF tells.
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_operands.h"
#include "monitor/interpreter/system_routines.h"

#include <algorithm>

namespace ring3 {

namespace {

/// Looks the descriptor up; `found` is false for null selectors and those past their table.
Outcome look_up(Vcpu& vcpu, Selector selector, Descriptor& descriptor, bool& found) {
    found = false;
    if (selector.is_null()) return Outcome::next();
    Outcome const outcome = vcpu.load_descriptor(selector, descriptor, Vector::gp);
    bool const beyond = outcome.is_fault() && outcome.vector() == Vector::gp;
    found = outcome.is_next();
    return beyond ? Outcome::next() : outcome;
}

/// SDM 3A 5.10.1: conforming code is visible to all, everything else to levels down to its DPL.
bool visible(GuestCpu const& cpu, Selector selector, SegmentRights rights) {
    unsigned const wanted = std::max<unsigned>(cpu.cpl, selector.get<Selector::RPL>());
    return rights.is_conforming_code() || rights.get<SegmentRights::DPL>() >= wanted;
}

constexpr u16 type_bit(SystemType type) {
    return static_cast<u16>(1u << static_cast<u8>(type));
}
/// SDM 2A LSL: the system descriptors that have a limit; LAR also knows call and task gates.
constexpr u16 types_with_limit = type_bit(SystemType::tss16_available) | type_bit(SystemType::ldt) |
                                 type_bit(SystemType::tss16_busy) | type_bit(SystemType::tss32_available) |
                                 type_bit(SystemType::tss32_busy);
constexpr u16 types_with_rights = types_with_limit | type_bit(SystemType::call_gate16) |
                                  type_bit(SystemType::task_gate) | type_bit(SystemType::call_gate32);

void set_zero_flag(GuestCpu& cpu, bool value) {
    cpu.eflags = cpu.eflags.with<Eflags::ZF>(value);
}

/// The common part of LAR and LSL: reads the selector, decides whether it may be looked at.
Outcome query(Vcpu& vcpu, insn::Insn const& insn, u16 system_types, Descriptor& descriptor, bool& allowed) {
    if (!vcpu.cpu.uses_descriptors()) return undefined_opcode();
    Selector selector;
    TRY_GUEST(read_word_operand(vcpu, insn, selector.raw));
    TRY_GUEST(look_up(vcpu, selector, descriptor, allowed));
    if (!allowed) return Outcome::next();
    SegmentRights const rights = descriptor.rights();
    bool const known_type =
        rights.has<SegmentRights::S>() || ((system_types >> rights.get<SegmentRights::Type>()) & 1) != 0;
    allowed = known_type && visible(vcpu.cpu, selector, rights);
    return Outcome::next();
}

enum class Verify : u8 { reading, writing };

Outcome verify(Vcpu& vcpu, insn::Insn const& insn, Verify what) {
    if (!vcpu.cpu.uses_descriptors()) return undefined_opcode();
    Selector selector;
    Descriptor descriptor;
    bool found = false;
    TRY_GUEST(read_word_operand(vcpu, insn, selector.raw));
    TRY_GUEST(look_up(vcpu, selector, descriptor, found));
    SegmentRights const rights = descriptor.rights();
    bool const usable = what == Verify::reading ? rights.is_readable() : rights.is_writable_data();
    set_zero_flag(vcpu.cpu, found && usable && visible(vcpu.cpu, selector, rights));
    return Outcome::next();
}

} // namespace

Outcome lar(Vcpu& vcpu, insn::Insn const& insn) {
    Descriptor descriptor;
    bool allowed = false;
    TRY_GUEST(query(vcpu, insn, types_with_rights, descriptor, allowed));
    set_zero_flag(vcpu.cpu, allowed);
    // Bits 19:16, undefined by the manual, show the limit field, as processors do.
    constexpr u32 shown = 0x00ff'ff00;
    if (allowed)
        write_sized_register(vcpu.cpu, insn.reg(), insn.operand_size, static_cast<u32>(descriptor.raw >> 32) & shown);
    return Outcome::next();
}

Outcome lsl(Vcpu& vcpu, insn::Insn const& insn) {
    Descriptor descriptor;
    bool allowed = false;
    TRY_GUEST(query(vcpu, insn, types_with_limit, descriptor, allowed));
    set_zero_flag(vcpu.cpu, allowed);
    if (allowed) write_sized_register(vcpu.cpu, insn.reg(), insn.operand_size, descriptor.limit());
    return Outcome::next();
}

Outcome verr(Vcpu& vcpu, insn::Insn const& insn) {
    return verify(vcpu, insn, Verify::reading);
}
Outcome verw(Vcpu& vcpu, insn::Insn const& insn) {
    return verify(vcpu, insn, Verify::writing);
}

/// What ARPL makes of a selector whose RPL is below the caller's.
static bool raise_rpl(Selector& selector, Selector caller) {
    if (selector.get<Selector::RPL>() >= caller.get<Selector::RPL>()) return false;
    selector = selector.with<Selector::RPL>(caller.get<Selector::RPL>());
    return true;
}

static Outcome write_selector(Vcpu& vcpu, insn::Insn const& insn, Selector selector) {
    if (insn.has_memory) return vcpu.store(Vcpu::segment_of(insn), vcpu.effective_address(insn), selector.raw);
    vcpu.cpu.write<u16>(reg_ref(insn.rm()), selector.raw);
    return Outcome::next();
}

/// Memory is written, and has to be writable, only if the RPL changes: so processors do.
Outcome arpl(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    if (!cpu.uses_descriptors()) return undefined_opcode();
    Selector selector;
    TRY_GUEST(read_word_operand(vcpu, insn, selector.raw));
    bool const raised = raise_rpl(selector, {{cpu.read<u16>(reg_ref(insn.reg()))}});
    if (raised) TRY_GUEST(write_selector(vcpu, insn, selector));
    set_zero_flag(cpu, raised);
    return Outcome::next();
}

} // namespace ring3
