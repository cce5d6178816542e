// The checks that x87 and vector instructions make before anything else, in the manual's order (SDM 2A 2.4, 2.7;
// SDM 1 8.7; SDM 3A 2.5): #UD, then #NM, then #MF.
#pragma once

#include "monitor/interpreter/fpu_state.h"
#include "monitor/interpreter/vcpu.h"

namespace ring3 {

inline FxImage& fx_of(Vcpu& v) {
    return image(v.cpu.fpu).fx;
}

/// A waiting instruction finds an unmasked x87 exception pending: wait_for_x87's rare part.
Outcome pending_x87_error(Vcpu& v);

/// What every waiting x87 instruction, MMX and FWAIT do first.
///
/// With CR0.NE = 1 a pending exception is #MF. With NE = 0 FERR# is raised, which PCs wire to IRQ 13, and the processor
/// freezes until that interrupt comes (SDM 3B 23.18.6.3). We freeze only if an interrupt can be delivered now. If none
/// can, the instruction runs as if IGNNE# were asserted, which is what PCs do once the handler has written port F0H:
/// so a handler may use waiting instructions, and a program that masks IRQ 13 does not hang.
inline Outcome wait_for_x87(Vcpu& v) {
    if (x87_error_pending(fx_of(v))) [[unlikely]]
        return pending_x87_error(v);
    return Outcome::next();
}

/// To be called after an instruction that may have cleared the exception flags: FERR# follows them.
void x87_errors_changed(Vcpu& v);

inline Outcome check_x87_available(Vcpu& v) {
    if (v.cpu.cr0.has<Cr0::EM>() || v.cpu.cr0.has<Cr0::TS>()) [[unlikely]]
        return Outcome::fault(Vector::nm);
    return Outcome::next();
}
inline Outcome check_not_switched(Vcpu& v) {
    if (v.cpu.cr0.has<Cr0::TS>()) [[unlikely]]
        return Outcome::fault(Vector::nm);
    return Outcome::next();
}

inline Outcome check_none(Vcpu&) {
    return Outcome::next();
}
inline Outcome check_x87(Vcpu& v) {
    TRY_GUEST(check_x87_available(v));
    return wait_for_x87(v);
}
inline Outcome check_mmx(Vcpu& v) {
    if (v.cpu.cr0.has<Cr0::EM>()) [[unlikely]]
        return Outcome::fault(Vector::ud);
    TRY_GUEST(check_not_switched(v));
    return wait_for_x87(v);
}
inline Outcome check_sse(Vcpu& v) {
    if (v.cpu.cr0.has<Cr0::EM>() || !v.cpu.cr4.has<Cr4::OSFXSR>()) [[unlikely]]
        return Outcome::fault(Vector::ud);
    return check_not_switched(v);
}
/// MMX and XMM registers together: conversions, MOVQ2DQ, MOVDQ2Q.
inline Outcome check_mmx_and_sse(Vcpu& v) {
    TRY_GUEST(check_sse(v));
    return wait_for_x87(v);
}
/// VEX: protected mode is the decoder's matter; CR0.EM does not count.
inline Outcome check_avx(Vcpu& v) {
    constexpr u64 needed = mask_of<XComponents::sse, XComponents::avx>();
    if (!v.cpu.cr4.has<Cr4::OSXSAVE>() || (v.cpu.xcr0 & needed) != needed) [[unlikely]]
        return Outcome::fault(Vector::ud);
    return check_not_switched(v);
}

/// The linear address of a memory operand that must be aligned to `alignment` bytes: #GP(0) for alignment, then #SS or
/// #GP of its segment. Processors look at the alignment first.
Outcome aligned_operand(Vcpu& v, insn::Insn const& insn, unsigned size, unsigned alignment, Access access,
                        Linear& address);

/// The linear address of an operand whose size is not its alignment: #AC(0) if that is checked (SDM 3A table 6-7).
Outcome checked_operand(Vcpu& v, insn::Insn const& insn, unsigned size, unsigned alignment, Access access,
                        Linear& address);

/// While it lives no access raises #AC: for the vector types that make no such check (SDM 2A 2.4, types 6, 11, 12).
class WithoutAlignmentChecks {
public:
    explicit WithoutAlignmentChecks(Vcpu& v) : v_{v} { v.mmu.set_alignment_checks(false); }
    ~WithoutAlignmentChecks() { v_.update_mode(); }
    WithoutAlignmentChecks(WithoutAlignmentChecks const&) = delete;

private:
    Vcpu& v_;
};

} // namespace ring3
