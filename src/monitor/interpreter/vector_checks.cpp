#include "monitor/interpreter/vector_checks.h"

namespace ring3 {

Outcome pending_x87_error(Vcpu& v) {
    if (v.cpu.cr0.has<Cr0::NE>()) return Outcome::fault(Vector::mf);
    v.platform.set_ferr(true);
    bool const open = v.cpu.eflags.has<Eflags::IF>() && !v.cpu.interrupt_shadow;
    if (open && v.platform.interrupt_pending()) return Outcome::again();
    return Outcome::next();
}

void x87_errors_changed(Vcpu& v) {
    FxImage& fx = fx_of(v);
    update_error_summary(fx);
    if (!v.cpu.cr0.has<Cr0::NE>() && !fx.fsw.has<Fsw::ES>()) v.platform.set_ferr(false);
}

Outcome aligned_operand(Vcpu& v, insn::Insn const& insn, unsigned size, unsigned alignment, Access access,
                        Linear& address) {
    u32 const offset = v.effective_address(insn);
    Segment const& segment = v.cpu.seg(Vcpu::segment_of(insn));
    if (((segment.base + offset) & (alignment - 1)) != 0) return Outcome::fault(Vector::gp, 0);
    return v.linear_for(Vcpu::segment_of(insn), offset, size, access, address);
}

Outcome checked_operand(Vcpu& v, insn::Insn const& insn, unsigned size, unsigned alignment, Access access,
                        Linear& address) {
    TRY_GUEST(v.linear_for(Vcpu::segment_of(insn), v.effective_address(insn), size, access, address));
    return v.mmu.misaligned(address, v.privilege(), alignment) ? Outcome::fault(Vector::ac, 0) : Outcome::next();
}

} // namespace ring3
