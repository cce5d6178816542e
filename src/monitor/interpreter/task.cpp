// The task switch (SDM 3A 8.3): save the old task, load the new one, then check what was loaded.
#include "monitor/interpreter/task.h"

#include "monitor/interpreter/tss.h"

namespace ring3 {

namespace {

/// The minimum limits of SDM 3A 8.2.2 and 8.6.
u32 minimum_limit(bool wide) {
    return wide ? Tss32::limit : Tss16::limit;
}

/// SDM 3A 8.3, step 6: everything that the switch will touch is in memory, before anything changes.
Outcome probe_both(Vcpu& vcpu, Segment const& old_tss, Segment const& new_tss, TaskSwitch how) {
    u32 const old_size = minimum_limit(tss_is_32bit(old_tss)) + 1;
    u32 const new_size = minimum_limit(tss_is_32bit(new_tss)) + 1;
    bool const links = how == TaskSwitch::call || how == TaskSwitch::interrupt;
    TRY_GUEST(vcpu.mmu.probe({old_tss.base}, Privilege::supervisor, Access::write, old_size));
    TRY_GUEST(vcpu.mmu.probe({new_tss.base}, Privilege::supervisor, Access::read, new_size));
    if (links) TRY_GUEST(vcpu.mmu.probe({new_tss.base}, Privilege::supervisor, Access::write, 2));
    return Outcome::next();
}

/// Table 7-2: the old task stays busy if the new one will return to it.
Outcome update_busy_bits(Vcpu& vcpu, Selector old_task, Selector new_task, TaskSwitch how) {
    if (how == TaskSwitch::jump || how == TaskSwitch::iret) TRY_GUEST(mark_tss(vcpu, old_task, Busy::no));
    if (how != TaskSwitch::iret) TRY_GUEST(mark_tss(vcpu, new_task, Busy::yes));
    return Outcome::next();
}

/// The registers of the new task, selectors still without descriptors: faults from here on are the new task's own.
void load_registers(GuestCpu& cpu, TaskImage const& image) {
    for (u8 i = 0; i < 8; ++i) cpu.gpr[i] = image.gpr[i];
    cpu.eip = image.eip;
    cpu.eflags = {{(image.eflags & Eflags::defined) | Eflags::fixed_one}};
    for (u8 i = 0; i < 6; ++i) {
        make_null(cpu.segment[i]);
        cpu.segment[i].selector = image.segment[i];
    }
    make_null(cpu.seg(SegmentName::ldtr));
    cpu.seg(SegmentName::ldtr).selector = image.ldt;
    bool const virtual8086 = cpu.eflags.has<Eflags::VM>();
    cpu.cpl = static_cast<u8>(virtual8086 ? 3 : cpu.seg(SegmentName::cs).selector.get<Selector::RPL>());
}

/// The page directory of the new task. PAE pointers that are illegal leave the old ones, and #GP(0).
Outcome load_directory(Vcpu& vcpu, u32 cr3) {
    GuestCpu& cpu = vcpu.cpu;
    if (!cpu.paging()) return Outcome::next();
    if (cpu.cr4.has<Cr4::PAE>()) TRY_GUEST(vcpu.mmu.load_pdptes({{cr3}}));
    cpu.cr3 = {{cr3}};
    vcpu.mmu.flush_non_global();
    return Outcome::next();
}

Outcome load_ldt(Vcpu& vcpu, Selector selector) {
    if (selector.is_null()) return Outcome::next();
    if (selector.has<Selector::TI>()) return selector_fault(Vector::ts, selector);
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(selector, descriptor, Vector::ts));
    if (!is_ldt(descriptor) || !descriptor.rights().has<SegmentRights::P>())
        return selector_fault(Vector::ts, selector);
    vcpu.cpu.seg(SegmentName::ldtr) = Segment::from_descriptor(selector, descriptor);
    return Outcome::next();
}

Outcome load_code(Vcpu& vcpu, Selector selector) {
    if (selector.is_null()) return selector_fault(Vector::ts, selector);
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(selector, descriptor, Vector::ts));
    SegmentRights const rights = descriptor.rights();
    unsigned const rpl = selector.get<Selector::RPL>();
    unsigned const dpl = rights.get<SegmentRights::DPL>();
    bool const privileged = rights.is_conforming_code() ? dpl > rpl : dpl != rpl;
    if (!rights.is_code() || privileged) return selector_fault(Vector::ts, selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    TRY_GUEST(vcpu.mark_accessed(selector, descriptor));
    enter_code_segment(vcpu, selector, descriptor, rpl);
    return Outcome::next();
}

Outcome load_segments(Vcpu& vcpu, TaskImage const& image) {
    GuestCpu& cpu = vcpu.cpu;
    if (cpu.virtual8086()) {
        for (u8 i = 0; i < 6; ++i) cpu.segment[i] = Segment::virtual8086(image.segment[i].raw);
        return Outcome::next();
    }
    auto const selector = [&](SegmentName name) { return image.segment[static_cast<u8>(name)]; };
    TRY_GUEST(load_code(vcpu, selector(SegmentName::cs)));
    Segment loaded;
    TRY_GUEST(check_stack_segment(vcpu, selector(SegmentName::ss), cpu.cpl, Vector::ts, loaded));
    cpu.seg(SegmentName::ss) = loaded;
    for (SegmentName name : {SegmentName::ds, SegmentName::es, SegmentName::fs, SegmentName::gs}) {
        TRY_GUEST(check_data_segment(vcpu, selector(name), cpu.cpl, Vector::ts, loaded));
        cpu.seg(name) = loaded;
    }
    return Outcome::next();
}

/// SDM 3B 18.2.4: breakpoints that are local to a task end with it.
void drop_local_breakpoints(Vcpu& vcpu) {
    constexpr u32 local = 0x155;
    if ((vcpu.cpu.dr7.raw & local) == 0) return;
    vcpu.cpu.dr7.raw &= ~local;
    vcpu.mmu.update_breakpoints();
}

/// The second half of the switch, in the new task.
Outcome enter_task(Vcpu& vcpu, TaskImage const& image, bool wide) {
    GuestCpu& cpu = vcpu.cpu;
    load_registers(cpu, image);
    vcpu.next_eip = cpu.eip;
    drop_local_breakpoints(vcpu);
    if (image.debug_trap) cpu.pending_debug |= Dr6::BT::mask;
    vcpu.update_mode();
    if (wide) TRY_GUEST(load_directory(vcpu, image.cr3));
    TRY_GUEST(load_ldt(vcpu, image.ldt));
    TRY_GUEST(load_segments(vcpu, image));
    vcpu.update_mode();
    return cpu.eip > cpu.seg(SegmentName::cs).limit ? general_protection() : Outcome::next();
}

} // namespace

Outcome switch_task(Vcpu& vcpu, Selector selector, Descriptor descriptor, TaskSwitch how, SavedContext saved) {
    GuestCpu& cpu = vcpu.cpu;
    Segment const old_tss = cpu.seg(SegmentName::tr);
    Segment new_tss = Segment::from_descriptor(selector, descriptor);
    bool const wide = tss_is_32bit(new_tss);
    if (new_tss.limit < minimum_limit(wide)) return selector_fault(Vector::ts, selector);
    if (old_tss.limit < minimum_limit(tss_is_32bit(old_tss))) return selector_fault(Vector::ts, old_tss.selector);
    TRY_GUEST(probe_both(vcpu, old_tss, new_tss, how));
    vcpu.record(TraceKind::task_switch, selector.raw, saved.eip);

    if (how == TaskSwitch::iret) saved.eflags &= ~u32{Eflags::NT::mask};
    TRY_GUEST(update_busy_bits(vcpu, old_tss.selector, selector, how));
    TRY_GUEST(save_task(vcpu, old_tss, saved));
    bool const nested = how == TaskSwitch::call || how == TaskSwitch::interrupt;
    if (nested) TRY_GUEST(vcpu.store_system<u16>({new_tss.base}, old_tss.selector.raw));
    TaskImage image;
    TRY_GUEST(read_task(vcpu, new_tss, image));
    if (nested) image.eflags |= Eflags::NT::mask;

    constexpr u32 busy_bit = 1u << 9; // of the type
    new_tss.rights.raw |= busy_bit;
    cpu.seg(SegmentName::tr) = new_tss;
    cpu.cr0 = cpu.cr0.with<Cr0::TS>(1);
    return enter_task(vcpu, image, wide);
}

Outcome find_available_tss(Vcpu& vcpu, Selector selector, Descriptor& out) {
    if (selector.is_null() || selector.has<Selector::TI>()) return selector_fault(Vector::gp, selector);
    TRY_GUEST(vcpu.load_descriptor(selector, out, Vector::gp));
    if (!is_available_tss(out)) return selector_fault(Vector::gp, selector);
    if (!out.rights().has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    return Outcome::next();
}

Outcome switch_through_gate(Vcpu& vcpu, Gate gate, TaskSwitch how, SavedContext saved) {
    Descriptor descriptor;
    TRY_GUEST(find_available_tss(vcpu, gate.selector(), descriptor));
    return switch_task(vcpu, gate.selector(), descriptor, how, saved);
}

Outcome return_to_linked_task(Vcpu& vcpu, SavedContext saved) {
    Selector link;
    TRY_GUEST(vcpu.load_system({vcpu.cpu.seg(SegmentName::tr).base}, link.raw));
    if (link.has<Selector::TI>()) return selector_fault(Vector::ts, link);
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(link, descriptor, Vector::ts));
    if (!is_busy_tss(descriptor)) return selector_fault(Vector::ts, link);
    if (!descriptor.rights().has<SegmentRights::P>()) return selector_fault(Vector::np, link);
    return switch_task(vcpu, link, descriptor, TaskSwitch::iret, saved);
}

} // namespace ring3
