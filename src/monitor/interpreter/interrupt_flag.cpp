// CLI, STI, PUSHF, POPF: the interrupt flag and who may touch it (SDM 2A CLI, 2B POPF, PUSHF, STI; 3B 20.4).
//
// Where a program's IOPL forbids it IF, virtual-8086 extensions (CR4.VME) and protected-mode virtual interrupts
// (CR4.PVI) give it VIF instead, and #GP(0) when it would unmask an interrupt that its monitor holds pending (VIP).
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

enum class InterruptControl : u8 { real, virtualized, denied };

InterruptControl control_of(GuestCpu const& cpu) {
    if (!cpu.protected_mode()) return InterruptControl::real;
    unsigned const iopl = cpu.eflags.get<Eflags::IOPL>();
    if (cpu.virtual8086()) {
        if (iopl == 3) return InterruptControl::real;
        return cpu.cr4.has<Cr4::VME>() ? InterruptControl::virtualized : InterruptControl::denied;
    }
    if (cpu.cpl <= iopl) return InterruptControl::real;
    return cpu.cpl == 3 && cpu.cr4.has<Cr4::PVI>() ? InterruptControl::virtualized : InterruptControl::denied;
}

/// Newly unmasked interrupts, single-stepping and alignment checks start at the next instruction.
Outcome after_flags_change(Vcpu& vcpu, Eflags before) {
    constexpr u32 notable = mask_of<Eflags::TF, Eflags::IF, Eflags::AC>();
    u32 const changed = before.raw ^ vcpu.cpu.eflags.raw;
    if ((changed & notable) == 0) return Outcome::next();
    vcpu.update_mode();
    return Outcome::leave();
}

void write_flags(GuestCpu& cpu, u32 image, u64 mask) {
    u32 const writable = static_cast<u32>(mask);
    cpu.eflags.raw = (cpu.eflags.raw & ~writable) | (image & writable) | Eflags::fixed_one;
}

Outcome push_image(Vcpu& vcpu, Eflags image, unsigned width) {
    if (width == 2) return vcpu.push(static_cast<u16>(image.raw));
    constexpr u32 never_pushed = mask_of<Eflags::RF, Eflags::VM>(); // SDM 2B PUSHF
    return vcpu.push(image.raw & ~never_pushed);
}

/// What POPF may change: all but VM, VIF, VIP (and RF, which it clears), less what IOPL protects.
u64 popf_mask(GuestCpu const& cpu) {
    u64 mask = Eflags::defined & ~mask_of<Eflags::VM, Eflags::VIF, Eflags::VIP, Eflags::RF>();
    if (!cpu.protected_mode()) return mask;
    if (cpu.cpl != 0) mask &= ~Eflags::IOPL::mask;
    if (cpu.cpl > cpu.eflags.get<Eflags::IOPL>()) mask &= ~Eflags::IF::mask;
    return mask;
}

Outcome check_virtual_image(GuestCpu const& cpu, Eflags image) {
    bool const unmasks_pending = cpu.eflags.has<Eflags::VIP>() && image.has<Eflags::IF>();
    return unmasks_pending || image.has<Eflags::TF>() ? general_protection() : Outcome::next();
}

Outcome load_image(Vcpu& vcpu, u32& image, unsigned width) {
    if (width == 4) return vcpu.load(SegmentName::ss, vcpu.stack_pointer(), image);
    u16 low = 0;
    TRY_GUEST(vcpu.load(SegmentName::ss, vcpu.stack_pointer(), low));
    image = low;
    return Outcome::next();
}

/// Virtual-8086 mode below IOPL 3: only the 16-bit forms, and only with VME.
bool flags_are_denied(GuestCpu const& cpu, unsigned width) {
    if (!cpu.virtual8086() || cpu.eflags.get<Eflags::IOPL>() == 3) return false;
    return width != 2 || !cpu.cr4.has<Cr4::VME>();
}
bool flags_are_virtual(GuestCpu const& cpu) {
    return cpu.virtual8086() && cpu.eflags.get<Eflags::IOPL>() < 3;
}

} // namespace

Outcome cli(Vcpu& vcpu, insn::Insn const&) {
    Eflags& flags = vcpu.cpu.eflags;
    switch (control_of(vcpu.cpu)) {
    case InterruptControl::real: flags = flags.with<Eflags::IF>(0); return Outcome::next();
    case InterruptControl::virtualized: flags = flags.with<Eflags::VIF>(0); return Outcome::next();
    case InterruptControl::denied: break;
    }
    return general_protection();
}

Outcome sti(Vcpu& vcpu, insn::Insn const&) {
    Eflags& flags = vcpu.cpu.eflags;
    switch (control_of(vcpu.cpu)) {
    case InterruptControl::real:
        if (flags.has<Eflags::IF>()) return Outcome::next();
        flags = flags.with<Eflags::IF>(1);
        vcpu.cpu.interrupt_shadow = true; // SDM 2B STI: one more instruction before interrupts
        return Outcome::leave();
    case InterruptControl::virtualized:
        if (flags.has<Eflags::VIP>()) return general_protection();
        flags = flags.with<Eflags::VIF>(1);
        return Outcome::next();
    case InterruptControl::denied: break;
    }
    return general_protection();
}

Outcome pushf(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu const& cpu = vcpu.cpu;
    if (flags_are_denied(cpu, insn.operand_size)) return general_protection();
    Eflags image = cpu.eflags;
    if (flags_are_virtual(cpu)) image = image.with<Eflags::IF>(image.get<Eflags::VIF>()).with<Eflags::IOPL>(3);
    return push_image(vcpu, image, insn.operand_size);
}

Outcome popf(Vcpu& vcpu, insn::Insn const& insn) {
    GuestCpu& cpu = vcpu.cpu;
    unsigned const width = insn.operand_size;
    if (flags_are_denied(cpu, width)) return general_protection();
    Eflags const before = cpu.eflags;
    Eflags image;
    TRY_GUEST(load_image(vcpu, image.raw, width));
    u64 mask = popf_mask(cpu);
    if (flags_are_virtual(cpu)) {
        TRY_GUEST(check_virtual_image(cpu, image));
        mask &= ~Eflags::IF::mask;
        cpu.eflags = cpu.eflags.with<Eflags::VIF>(image.get<Eflags::IF>());
    }
    vcpu.set_stack_pointer(static_cast<u32>(cpu.gpr[esp]) + width);
    write_flags(cpu, image.raw, width == 2 ? mask & 0xffff : mask);
    cpu.eflags = cpu.eflags.with<Eflags::RF>(0);
    return after_flags_change(vcpu, before);
}

} // namespace ring3
