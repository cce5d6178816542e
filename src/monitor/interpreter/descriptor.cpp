// Descriptors and segment registers: fetching, checking, loading (SDM 3A 3.4, 5.4-5.8; 2B MOV).
#include "monitor/interpreter/protection.h"

#include <algorithm>

namespace ring3 {

namespace {

/// Where a selector's descriptor lies, if its table reaches that far.
bool find_descriptor(GuestCpu const& cpu, Selector selector, Linear& out) {
    u32 const offset = selector.raw & 0xfff8u;
    if (!selector.has<Selector::TI>()) {
        out = {u32(cpu.gdtr.base + offset)};
        return offset + 7 <= cpu.gdtr.limit;
    }
    Segment const& ldt = cpu.seg(SegmentName::ldtr);
    out = {u32(ldt.base + offset)};
    return ldt.is_usable() && offset + 7 <= ldt.limit;
}

/// Local descriptors are left out: what LDTR says would have to be compared as well.
SegmentSource source_of(GuestCpu const& cpu, Selector selector, Descriptor descriptor) {
    Linear address;
    if (selector.has<Selector::TI>() || !find_descriptor(cpu, selector, address)) return {};
    return {{static_cast<u32>(descriptor.raw), static_cast<u32>(descriptor.raw >> 32)},
            static_cast<u32>(address.raw),
            selector.raw};
}

Segment null_segment(Selector selector) {
    Segment segment{};
    segment.selector = selector;
    return segment;
}

} // namespace

Outcome Vcpu::load_descriptor(Selector selector, Descriptor& descriptor, Vector beyond) {
    Linear address;
    if (!find_descriptor(cpu, selector, address)) return selector_fault(beyond, selector);
    return load_system(address, descriptor.raw);
}

Outcome Vcpu::mark_accessed(Selector selector, Descriptor& descriptor) {
    SegmentRights const rights = descriptor.rights();
    if (!rights.has<SegmentRights::S>() || rights.has<SegmentRights::Accessed>()) return Outcome::next();
    Linear address;
    if (!find_descriptor(cpu, selector, address)) return selector_fault(Vector::gp, selector);
    u64 const updated = descriptor.raw | u64{SegmentRights::Accessed::mask} << 32;
    TRY_GUEST(store_system<u8>({u32(address.raw + 5)}, static_cast<u8>(updated >> 40)));
    descriptor.raw = updated;
    return Outcome::next();
}

Outcome mark_tss(Vcpu& vcpu, Selector selector, Busy busy) {
    Linear address;
    if (!find_descriptor(vcpu.cpu, selector, address)) return selector_fault(Vector::gp, selector);
    constexpr u8 busy_bit = 2; // of the type, which is the low nibble of byte 5
    return vcpu.mmu.modify<u8>({u32(address.raw + 5)}, Privilege::supervisor, [busy](u8 rights) {
        return static_cast<u8>(busy == Busy::yes ? rights | busy_bit : rights & ~busy_bit);
    });
}

Outcome check_data_segment(Vcpu& vcpu, Selector selector, unsigned cpl, Vector broken_rule, Segment& out) {
    if (selector.is_null()) {
        out = null_segment(selector);
        return Outcome::next();
    }
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(selector, descriptor, broken_rule));
    Vcpu::CheckedSegment& checked = vcpu.checked_segment(selector);
    if (checked.descriptor == descriptor.raw && checked.segment.selector == selector && checked.cpl == cpl) {
        out = checked.segment;
        out.source = source_of(vcpu.cpu, selector, descriptor);
        return Outcome::next();
    }
    SegmentRights const rights = descriptor.rights();
    unsigned const wanted = std::max<unsigned>(selector.get<Selector::RPL>(), cpl);
    bool const privileged = !rights.is_conforming_code() && rights.get<SegmentRights::DPL>() < wanted;
    if (!rights.is_readable() || privileged) return selector_fault(broken_rule, selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    TRY_GUEST(vcpu.mark_accessed(selector, descriptor));
    out = Segment::from_descriptor(selector, descriptor);
    checked = {descriptor.raw, out, static_cast<u8>(cpl)};
    out.source = source_of(vcpu.cpu, selector, descriptor);
    return Outcome::next();
}

Outcome check_stack_segment(Vcpu& vcpu, Selector selector, unsigned cpl, Vector broken_rule, Segment& out) {
    if (selector.is_null()) return Outcome::fault(broken_rule, 0);
    Descriptor descriptor;
    TRY_GUEST(vcpu.load_descriptor(selector, descriptor, broken_rule));
    SegmentRights const rights = descriptor.rights();
    if (selector.get<Selector::RPL>() != cpl || !rights.is_writable_data() || rights.get<SegmentRights::DPL>() != cpl)
        return selector_fault(broken_rule, selector);
    if (!rights.has<SegmentRights::P>()) return selector_fault(Vector::ss, selector);
    TRY_GUEST(vcpu.mark_accessed(selector, descriptor));
    out = Segment::from_descriptor(selector, descriptor);
    return Outcome::next();
}

void enter_code_segment(Vcpu& vcpu, Selector selector, Descriptor descriptor, unsigned cpl) {
    Selector const visible = selector.with<Selector::RPL>(static_cast<u16>(cpl));
    vcpu.cpu.seg(SegmentName::cs) = Segment::from_descriptor(visible, descriptor);
    vcpu.cpu.cpl = static_cast<u8>(cpl);
    // SYSEXIT leaves selectors at level 3 that could not be loaded there, nor at levels 1 and 2 after a call from it.
    if (cpl == 1 || cpl == 2)
        for (Segment& segment : vcpu.cpu.segment) segment.source = {};
}

Outcome load_segment(Vcpu& vcpu, SegmentName name, Selector selector) {
    GuestCpu& cpu = vcpu.cpu;
    if (cpu.virtual8086()) {
        cpu.seg(name) = Segment::virtual8086(selector.raw);
        return Outcome::next();
    }
    if (!cpu.protected_mode()) {
        cpu.seg(name).load_real_mode(selector.raw);
        return Outcome::next();
    }
    // On a fault the register is left as it was.
    return name == SegmentName::ss ? check_stack_segment(vcpu, selector, cpu.cpl, Vector::gp, cpu.seg(name))
                                   : check_data_segment(vcpu, selector, cpu.cpl, Vector::gp, cpu.seg(name));
}

void make_null(Segment& segment) {
    segment = null_segment({});
}

void drop_privileged_data_segments(Vcpu& vcpu) {
    for (SegmentName name : {SegmentName::es, SegmentName::ds, SegmentName::fs, SegmentName::gs}) {
        Segment& segment = vcpu.cpu.seg(name);
        if (!segment.is_usable()) continue;
        if (!segment.rights.is_conforming_code() && segment.dpl() < vcpu.cpu.cpl) make_null(segment);
    }
}

} // namespace ring3
