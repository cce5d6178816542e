#include "monitor/interpreter/x87_control.h"

#include "monitor/interpreter/vector_checks.h"

namespace ring3 {

/// SDM 2A WAIT: unlike all other x87 instructions it heeds TS only if MP is set.
Outcome fwait(Vcpu& v, insn::Insn const&) {
    if (v.cpu.cr0.has<Cr0::MP>() && v.cpu.cr0.has<Cr0::TS>()) return Outcome::fault(Vector::nm);
    return wait_for_x87(v);
}

Outcome fninit(Vcpu& v, insn::Insn const&) {
    TRY_GUEST(check_x87_available(v));
    init_x87(fx_of(v));
    x87_errors_changed(v);
    return Outcome::next();
}

Outcome fnclex(Vcpu& v, insn::Insn const&) {
    TRY_GUEST(check_x87_available(v));
    FxImage& fx = fx_of(v);
    fx.fsw = fx.fsw.with<Fsw::Exceptions>(0).with<Fsw::SF>(0);
    x87_errors_changed(v);
    return Outcome::next();
}

Outcome fnstsw_ax(Vcpu& v, insn::Insn const&) {
    TRY_GUEST(check_x87_available(v));
    v.cpu.write<u16>(reg_ref(eax), fx_of(v).fsw.raw);
    return Outcome::next();
}

Outcome fnstsw_memory(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87_available(v));
    return v.store<u16>(Vcpu::segment_of(insn), v.effective_address(insn), fx_of(v).fsw.raw);
}

Outcome fnstcw(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87_available(v));
    return v.store<u16>(Vcpu::segment_of(insn), v.effective_address(insn), fx_of(v).fcw.raw);
}

/// SDM 2A FLDCW: flags that the new word unmasks become pending errors.
Outcome fldcw(Vcpu& v, insn::Insn const& insn) {
    TRY_GUEST(check_x87(v));
    u16 value = 0;
    TRY_GUEST(v.load<u16>(Vcpu::segment_of(insn), v.effective_address(insn), value));
    fx_of(v).fcw = Fcw::from_guest(value);
    x87_errors_changed(v);
    return Outcome::next();
}

Outcome x87_without_effect(Vcpu& v, insn::Insn const&) {
    return check_x87_available(v);
}

} // namespace ring3
