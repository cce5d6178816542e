// IRET in its five shapes (SDM 2A IRET/IRETD; 3B 20.2.2, 20.3.2):
//
//     real-address mode                        pop eIP, CS, FLAGS
//     protected, NT = 1                        back to the linked task
//     protected, image VM = 1 at CPL 0         into virtual-8086 mode
//     protected                                same or outer level
//     virtual-8086                             IOPL 3: pop eIP, CS, FLAGS; below that only with VME, IF meaning VIF
#include "monitor/interpreter/far_transfer.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

constexpr u32 low_half = 0xffff;

struct ReturnFrame {
    FarPointer to{};
    Eflags flags{};
};

Outcome read_return_frame(Vcpu& vcpu, unsigned width, ReturnFrame& out) {
    u32 words[3];
    TRY_GUEST(read_frame(vcpu, words, width, 0));
    out.to = {{{static_cast<u16>(words[1])}}, words[0]};
    out.flags.raw = words[2];
    return Outcome::next();
}

/// Replaces the flags in `mask` by those of the frame; a 16-bit frame has the lower half only.
void load_flags(Vcpu& vcpu, Eflags image, u64 mask, unsigned width) {
    u32 const writable = static_cast<u32>(mask) & (width == 2 ? low_half : ~u32{0});
    vcpu.cpu.eflags.raw = (vcpu.cpu.eflags.raw & ~writable) | (image.raw & writable);
    vcpu.update_mode();
}

Outcome iret_real(Vcpu& vcpu, unsigned width) {
    ReturnFrame frame;
    TRY_GUEST(read_return_frame(vcpu, width, frame));
    TRY_GUEST(enter_real_target(vcpu, frame.to));
    drop_frame(vcpu, 3 * width);
    constexpr u64 kept = mask_of<Eflags::VM, Eflags::VIF, Eflags::VIP>();
    load_flags(vcpu, frame.flags, Eflags::defined & ~kept, width);
    return Outcome::leave();
}

// ---- from virtual-8086 mode --------------------------------------------------------------------------------------

/// SDM 3B 21.4: with VME a program below IOPL 3 has VIF for its IF.
Outcome check_virtual_flags(GuestCpu const& cpu, Eflags image) {
    bool const unmasks_pending = cpu.eflags.has<Eflags::VIP>() && image.has<Eflags::IF>();
    return unmasks_pending || image.has<Eflags::TF>() ? general_protection() : Outcome::next();
}

Outcome iret_virtual8086(Vcpu& vcpu, unsigned width) {
    GuestCpu& cpu = vcpu.cpu;
    bool const trusted = cpu.eflags.get<Eflags::IOPL>() == 3;
    bool const extended = cpu.cr4.has<Cr4::VME>() && width == 2;
    if (!trusted && !extended) return general_protection();
    ReturnFrame frame;
    TRY_GUEST(read_return_frame(vcpu, width, frame));
    if (!trusted) TRY_GUEST(check_virtual_flags(cpu, frame.flags));
    TRY_GUEST(enter_real_target(vcpu, frame.to));
    drop_frame(vcpu, 3 * width);
    u64 kept = mask_of<Eflags::VM, Eflags::IOPL, Eflags::VIF, Eflags::VIP>();
    if (!trusted) {
        kept |= Eflags::IF::mask;
        cpu.eflags = cpu.eflags.with<Eflags::VIF>(frame.flags.get<Eflags::IF>());
    }
    load_flags(vcpu, frame.flags, Eflags::defined & ~kept, width);
    return Outcome::leave();
}

// ---- protected mode ----------------------------------------------------------------------------------------------

/// SDM 3B figure 20-4: EIP CS EFLAGS ESP SS ES DS FS GS, four bytes each.
Outcome enter_virtual8086(Vcpu& vcpu, ReturnFrame const& frame) {
    GuestCpu& cpu = vcpu.cpu;
    u32 words[6];
    TRY_GUEST(read_frame(vcpu, words, 4, 12));
    if (frame.to.offset > 0xffff) return general_protection();
    auto const load = [&](SegmentName name, u32 value) {
        cpu.seg(name) = Segment::virtual8086(static_cast<u16>(value));
    };
    cpu.eflags.raw = (frame.flags.raw & Eflags::defined) | Eflags::fixed_one;
    load(SegmentName::cs, frame.to.selector.raw);
    load(SegmentName::ss, words[1]);
    load(SegmentName::es, words[2]);
    load(SegmentName::ds, words[3]);
    load(SegmentName::fs, words[4]);
    load(SegmentName::gs, words[5]);
    cpu.write<u32>(reg_ref(esp), words[0]);
    cpu.cpl = 3;
    vcpu.next_eip = frame.to.offset;
    vcpu.update_mode();
    return Outcome::leave();
}

/// SDM 2A IRET: which flags the returning level may change.
u64 writable_flags(GuestCpu const& cpu) {
    u64 mask = mask_of<Eflags::CF, Eflags::PF, Eflags::AF, Eflags::ZF, Eflags::SF, Eflags::TF, Eflags::DF, Eflags::OF,
                       Eflags::NT, Eflags::RF, Eflags::AC, Eflags::ID>();
    if (cpu.cpl <= cpu.eflags.get<Eflags::IOPL>()) mask |= Eflags::IF::mask;
    if (cpu.cpl == 0) mask |= mask_of<Eflags::IOPL, Eflags::VIF, Eflags::VIP>();
    return mask;
}

Outcome iret_to_code(Vcpu& vcpu, ReturnFrame const& frame, unsigned width) {
    u64 const mask = writable_flags(vcpu.cpu); // by the level that executes the IRET
    CodeTarget target;
    TRY_GUEST(check_return_target(vcpu, frame.to, target));
    if (target.cpl == vcpu.cpu.cpl) {
        TRY_GUEST(check_offset(target));
        enter_target(vcpu, target);
        drop_frame(vcpu, 3 * width);
    } else {
        u32 stack[2];
        TRY_GUEST(read_frame(vcpu, stack, width, 3 * width));
        TRY_GUEST(return_to_outer_level(vcpu, target, {{{static_cast<u16>(stack[1])}}, stack[0]}, 0));
    }
    load_flags(vcpu, frame.flags, mask, width);
    return Outcome::leave();
}

Outcome iret_protected(Vcpu& vcpu, unsigned width) {
    GuestCpu& cpu = vcpu.cpu;
    if (cpu.eflags.has<Eflags::NT>()) {
        TRY_GUEST(return_to_linked_task(vcpu, {static_cast<u32>(vcpu.next_eip), cpu.eflags.raw}));
        return Outcome::leave();
    }
    ReturnFrame frame;
    TRY_GUEST(read_return_frame(vcpu, width, frame));
    if (width == 4 && frame.flags.has<Eflags::VM>() && cpu.cpl == 0) return enter_virtual8086(vcpu, frame);
    return iret_to_code(vcpu, frame, width);
}

} // namespace

Outcome iret(Vcpu& vcpu, insn::Insn const& insn) {
    unsigned const width = insn.operand_size;
    vcpu.cpu.nmi_blocked = false; // SDM 3A 6.7.1: even if the IRET itself faults
    if (vcpu.cpu.virtual8086()) return iret_virtual8086(vcpu, width);
    if (vcpu.cpu.protected_mode()) return iret_protected(vcpu, width);
    return iret_real(vcpu, width);
}

} // namespace ring3
