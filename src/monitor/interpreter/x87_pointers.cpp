#include "monitor/interpreter/x87_pointers.h"

#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/native_runner.h"
#include "monitor/interpreter/vector_checks.h"

namespace ring3 {
namespace {

struct Leaf7Ebx : Reg<Leaf7Ebx, u32> {
    using FdpOnExceptionOnly = Field<6>;
    using NoSelectors = Field<13>;
};

X87PointerRules rules_of(Vcpu const& v) {
    constexpr u32 leaf = 7;
    X87PointerRules rules{.known = true};
    if (v.model.cpuid(0, 0, v.cpu).eax < leaf) return rules;
    Leaf7Ebx const ebx{{v.model.cpuid(leaf, 0, v.cpu).ebx}};
    rules.data_on_exception_only = ebx.has<Leaf7Ebx::FdpOnExceptionOnly>();
    rules.no_selectors = ebx.has<Leaf7Ebx::NoSelectors>();
    return rules;
}

/// A processor's CPUID model does not change, so it is asked once.
X87PointerRules const& rules_for(Vcpu& v) {
    X87PointerRules& rules = v.native.x87_pointer_rules();
    if (!rules.known) [[unlikely]]
        rules = rules_of(v);
    return rules;
}

u16 opcode_of(insn::Insn const& insn) {
    return static_cast<u16>((insn.def->opcode & 7u) << 8 | insn.modrm);
}

} // namespace

void remember_x87_instruction(Vcpu& v, insn::Insn const& insn) {
    FxImage& fx = fx_of(v);
    FpuPointers& p = fx.pointers;
    X87PointerRules const& rules = rules_for(v);
    bool const exception = x87_error_pending(fx);
    p.fip = static_cast<u32>(v.cpu.eip);
    p.fcs = rules.no_selectors ? u16{0} : v.cpu.seg(SegmentName::cs).selector.raw;
    if (exception) p.fop = opcode_of(insn);
    if (!insn.has_memory || (rules.data_on_exception_only && !exception)) return;
    p.fdp = v.effective_address(insn);
    p.fds = rules.no_selectors ? u16{0} : v.cpu.seg(Vcpu::segment_of(insn)).selector.raw;
}

void sanitize_x87_pointers(Vcpu& v) {
    constexpr u16 opcode_bits = 0x7ff;
    FpuPointers& p = fx_of(v).pointers;
    p.fop &= opcode_bits;
    p.reserved0 = p.reserved1 = 0;
    if (rules_for(v).no_selectors) p.fcs = p.fds = 0;
}

} // namespace ring3
