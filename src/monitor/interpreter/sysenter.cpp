// SYSENTER and SYSEXIT (SDM 2B; 3A 5.8.7).
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

enum class Kind : u8 { code, stack };

/// The fixed flat segments that both instructions load without looking at any descriptor.
constexpr Segment flat_segment(Kind kind, unsigned dpl) {
    constexpr u64 flat = 0x00cf'9000'0000'ffff; // present, S, G, D/B; base 0, limit 4 GiB
    u64 const type = kind == Kind::code ? 0xb : 0x3;
    return Segment::from_descriptor({}, {flat | type << 40 | u64{dpl} << 45});
}

struct FlatPair {
    Segment code, stack;
};
constexpr FlatPair kernel_segments{flat_segment(Kind::code, 0), flat_segment(Kind::stack, 0)};
constexpr FlatPair user_segments{flat_segment(Kind::code, 3), flat_segment(Kind::stack, 3)};

void enter_flat(Vcpu& vcpu, u16 cs, unsigned cpl, u32 stack_pointer, u32 target) {
    GuestCpu& cpu = vcpu.cpu;
    auto const with_rpl = [cpl](u32 selector) { return static_cast<u16>((selector & 0xfffc) | cpl); };
    FlatPair const& segments = cpl == 0 ? kernel_segments : user_segments;
    cpu.seg(SegmentName::cs) = segments.code;
    cpu.seg(SegmentName::cs).selector.raw = with_rpl(cs);
    cpu.seg(SegmentName::ss) = segments.stack;
    cpu.seg(SegmentName::ss).selector.raw = with_rpl(cs + 8u);
    cpu.cpl = static_cast<u8>(cpl);
    cpu.write<u32>(reg_ref(esp), stack_pointer);
    vcpu.next_eip = target;
    vcpu.update_mode();
}

Outcome check_enabled(GuestCpu const& cpu) {
    bool const null = (cpu.sysenter_cs & 0xfffc) == 0;
    return !cpu.protected_mode() || null ? general_protection() : Outcome::next();
}

} // namespace

Outcome sysenter(Vcpu& vcpu, insn::Insn const&) {
    GuestCpu& cpu = vcpu.cpu;
    TRY_GUEST(check_enabled(cpu));
    cpu.eflags = cpu.eflags.with<Eflags::VM>(0).with<Eflags::IF>(0).with<Eflags::RF>(0);
    enter_flat(vcpu, static_cast<u16>(cpu.sysenter_cs), 0, static_cast<u32>(cpu.sysenter_esp),
               static_cast<u32>(cpu.sysenter_eip));
    return Outcome::leave();
}

Outcome sysexit(Vcpu& vcpu, insn::Insn const&) {
    GuestCpu& cpu = vcpu.cpu;
    TRY_GUEST(check_enabled(cpu));
    TRY_GUEST(require_cpl0(vcpu));
    constexpr u32 user_code_above = 16;
    enter_flat(vcpu, static_cast<u16>(cpu.sysenter_cs + user_code_above), 3, static_cast<u32>(cpu.gpr[ecx]),
               static_cast<u32>(cpu.gpr[edx]));
    return Outcome::leave();
}

} // namespace ring3
