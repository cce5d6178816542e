// Caches and translations: INVD, WBINVD, INVLPG, INVPCID (SDM 2A, 2D; 3A 4.10.4.1).
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

/// There is no cache between the guest and its memory that it could see.
Outcome invd(Vcpu& vcpu, insn::Insn const&) {
    return require_cpl0(vcpu);
}
Outcome wbinvd(Vcpu& vcpu, insn::Insn const&) {
    return require_cpl0(vcpu);
}

Outcome invlpg(Vcpu& vcpu, insn::Insn const& insn) {
    if (!insn.has_memory) return undefined_opcode();
    TRY_GUEST(require_cpl0(vcpu));
    // Only the address counts: neither the segment's limit nor its type is checked.
    u32 const base = vcpu.cpu.seg(Vcpu::segment_of(insn)).base;
    vcpu.mmu.flush_page({u32(base + vcpu.effective_address(insn))});
    return Outcome::leave();
}

/// Without CR4.PCIDE the only PCID is 0.
Outcome invpcid(Vcpu& vcpu, insn::Insn const& insn) {
    enum : u32 { individual_address, single_context, all_with_global, all_but_global, type_count };
    if (!insn.has_memory) return undefined_opcode();
    TRY_GUEST(require_cpl0(vcpu));
    u64 image[2]{};
    TRY_GUEST(vcpu.load_bytes(Vcpu::segment_of(insn), vcpu.effective_address(insn), image, sizeof image));
    u32 const type = vcpu.cpu.read<u32>(reg_ref(insn.reg()));
    constexpr u64 pcid = 0xfff;
    if (type >= type_count || (image[0] & ~pcid) != 0) return general_protection();
    bool const names_context = type == individual_address || type == single_context;
    if (names_context && (image[0] & pcid) != 0) return general_protection();
    switch (type) {
    case individual_address: vcpu.mmu.flush_page({image[1] & 0xffff'ffff}); break;
    case all_with_global: vcpu.mmu.flush_all(); break;
    default: vcpu.mmu.flush_non_global(); break;
    }
    return Outcome::leave();
}

} // namespace ring3
