// CR0, CR2, CR3, CR4, XCR0 and EFLAGS.AC (SDM 3A 2.5, 2.6, 4.1; 2B MOV to/from control registers).
#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_operands.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

/// Bits whose change ends the life of cached translations (SDM 3A 4.10.4.1).
constexpr u32 cr0_paging = mask_of<Cr0::PE, Cr0::WP, Cr0::PG>();
constexpr u32 cr4_paging = mask_of<Cr4::PSE, Cr4::PAE, Cr4::PGE, Cr4::SMEP, Cr4::SMAP>();
/// Bits whose change makes PAE paging read its four pointers again (SDM 3A 4.4.1).
constexpr u32 cr0_pointers = mask_of<Cr0::NW, Cr0::CD, Cr0::PG>();
constexpr u32 cr4_pointers = mask_of<Cr4::PSE, Cr4::PAE, Cr4::PGE, Cr4::SMEP>();

constexpr bool pae_paging(Cr0 cr0, Cr4 cr4) {
    return cr0.has<Cr0::PG>() && cr4.has<Cr4::PAE>();
}

Outcome set_cr0(Vcpu& vcpu, Cr0 next) {
    GuestCpu& cpu = vcpu.cpu;
    if (!next.legal()) return general_protection();
    u32 const changed = cpu.cr0.raw ^ next.raw;
    if ((changed & cr0_pointers) != 0 && pae_paging(next, cpu.cr4)) TRY_GUEST(vcpu.mmu.load_pdptes(cpu.cr3));
    cpu.cr0 = next;
    if ((changed & cr0_paging) != 0) {
        vcpu.mmu.flush_all();
        vcpu.record(TraceKind::mode_change, next.raw, cpu.eip);
    }
    vcpu.update_mode();
    return changed == 0 ? Outcome::next() : Outcome::leave();
}

Outcome set_cr3(Vcpu& vcpu, Cr3 next) {
    GuestCpu& cpu = vcpu.cpu;
    if (pae_paging(cpu.cr0, cpu.cr4)) TRY_GUEST(vcpu.mmu.load_pdptes(next));
    cpu.cr3 = next;
    vcpu.mmu.flush_non_global();
    vcpu.record(TraceKind::cr3_write, next.raw, cpu.eip);
    return Outcome::leave();
}

Outcome set_cr4(Vcpu& vcpu, Cr4 next) {
    GuestCpu& cpu = vcpu.cpu;
    if ((next.raw & ~vcpu.model.cr4_allowed()) != 0) return general_protection();
    u32 const changed = cpu.cr4.raw ^ next.raw;
    if ((changed & cr4_pointers) != 0 && pae_paging(cpu.cr0, next)) TRY_GUEST(vcpu.mmu.load_pdptes(cpu.cr3));
    cpu.cr4 = next;
    if ((changed & cr4_paging) != 0) vcpu.mmu.flush_all();
    return Outcome::leave();
}

/// SDM 3A 2.6: x87 always, AVX only with SSE.
bool legal_xcr0(u64 value, u64 allowed) {
    constexpr u64 x87 = 1, sse = 2, avx = 4;
    bool const avx_without_sse = (value & avx) != 0 && (value & sse) == 0;
    return (value & ~allowed) == 0 && (value & x87) != 0 && !avx_without_sse;
}

Outcome set_alignment_check(Vcpu& vcpu, u32 on) {
    if (vcpu.cpu.cpl != 0) return undefined_opcode();
    vcpu.cpu.eflags = vcpu.cpu.eflags.with<Eflags::AC>(on);
    vcpu.update_mode();
    return Outcome::next();
}

} // namespace

Outcome mov_from_cr(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    u32 value = 0;
    switch (insn.reg()) {
    case 0: value = cpu.cr0.raw; break;
    case 2: value = cpu.cr2; break;
    case 3: value = static_cast<u32>(cpu.cr3.raw); break;
    case 4: value = cpu.cr4.raw; break;
    default: return undefined_opcode();
    }
    TRY_GUEST(require_cpl0(vcpu));
    cpu.write<u32>(insn.dst, value);
    return Outcome::next();
}

Outcome mov_to_cr(Vcpu& vcpu, insn::Insn const& insn) {
    u32 const value = vcpu.cpu.read<u32>(insn.dst);
    bool const exists = insn.reg() <= 4 && insn.reg() != 1;
    if (!exists) return undefined_opcode();
    TRY_GUEST(require_cpl0(vcpu));
    switch (insn.reg()) {
    case 0: return set_cr0(vcpu, Cr0::from_guest(value));
    case 3: return set_cr3(vcpu, {{value}});
    case 4: return set_cr4(vcpu, {{value}});
    default: vcpu.cpu.cr2 = value; return Outcome::next();
    }
}

Outcome clts(Vcpu& vcpu, insn::Insn const&) {
    TRY_GUEST(require_cpl0(vcpu));
    vcpu.cpu.cr0 = vcpu.cpu.cr0.with<Cr0::TS>(0);
    return Outcome::next();
}

/// LMSW loads PE, MP, EM and TS; it cannot clear PE.
Outcome lmsw(Vcpu& vcpu, insn::Insn const& insn) {
    TRY_GUEST(require_cpl0(vcpu));
    u16 word = 0;
    TRY_GUEST(read_word_operand(vcpu, insn, word));
    constexpr u32 loaded = mask_of<Cr0::PE, Cr0::MP, Cr0::EM, Cr0::TS>();
    u32 const kept_pe = vcpu.cpu.cr0.raw & u32{Cr0::PE::mask};
    return set_cr0(vcpu, Cr0::from_guest((vcpu.cpu.cr0.raw & ~loaded) | (word & loaded) | kept_pe));
}

Outcome smsw(Vcpu& vcpu, insn::Insn const& insn) {
    TRY_GUEST(check_umip(vcpu));
    return write_word_operand(vcpu, insn, vcpu.cpu.cr0.raw);
}

Outcome xgetbv(Vcpu& vcpu, insn::Insn const&) {
    if (!vcpu.cpu.cr4.has<Cr4::OSXSAVE>()) return undefined_opcode();
    if (static_cast<u32>(vcpu.cpu.gpr[ecx]) != 0) return general_protection();
    write_pair(vcpu.cpu, vcpu.cpu.xcr0);
    return Outcome::next();
}

Outcome xsetbv(Vcpu& vcpu, insn::Insn const&) {
    if (!vcpu.cpu.cr4.has<Cr4::OSXSAVE>()) return undefined_opcode();
    TRY_GUEST(require_cpl0(vcpu));
    u64 const value = read_pair(vcpu.cpu);
    bool const register0 = static_cast<u32>(vcpu.cpu.gpr[ecx]) == 0;
    if (!register0 || !legal_xcr0(value, vcpu.model.xcr0_allowed())) return general_protection();
    vcpu.cpu.xcr0 = value;
    return Outcome::leave();
}

Outcome clac(Vcpu& vcpu, insn::Insn const&) {
    return set_alignment_check(vcpu, 0);
}

Outcome stac(Vcpu& vcpu, insn::Insn const&) {
    return set_alignment_check(vcpu, 1);
}

} // namespace ring3
