// GDTR, IDTR, LDTR and TR (SDM 3A 2.4, 2.8.1; 2A LGDT, LLDT; 2B SGDT, SIDT, SLDT, STR; 2A LTR).
#include "monitor/interpreter/protection.h"
#include "monitor/interpreter/system_operands.h"
#include "monitor/interpreter/system_routines.h"

namespace ring3 {

namespace {

u32 offset_after(insn::Insn const& insn, u32 offset, u32 bytes) {
    return (offset + bytes) & (insn.address_width == 2 ? 0xffffu : 0xffff'ffffu);
}

/// With a 16-bit operand only 24 bits of the base are loaded, as on the 286.
Outcome load_table(Vcpu& vcpu, insn::Insn const& insn, TableRegister& table) {
    TRY_GUEST(require_cpl0(vcpu));
    if (!insn.has_memory) return undefined_opcode();
    u32 const offset = vcpu.effective_address(insn);
    TableRegister loaded;
    TRY_GUEST(vcpu.load(Vcpu::segment_of(insn), offset, loaded.limit));
    TRY_GUEST(vcpu.load(Vcpu::segment_of(insn), offset_after(insn, offset, 2), loaded.base));
    if (insn.operand_size == 2) loaded.base &= 0xff'ffff;
    table = loaded;
    return Outcome::next();
}

/// All 32 bits of the base, whatever the operand size (SDM 2B SGDT).
Outcome store_table(Vcpu& vcpu, insn::Insn const& insn, TableRegister table) {
    TRY_GUEST(check_umip(vcpu));
    if (!insn.has_memory) return undefined_opcode();
    u8 image[6];
    std::memcpy(image, &table.limit, 2);
    std::memcpy(image + 2, &table.base, 4);
    return vcpu.store_bytes(Vcpu::segment_of(insn), vcpu.effective_address(insn), image, sizeof image);
}

/// LDTs and TSSs are described in the GDT only.
Outcome find_in_gdt(Vcpu& vcpu, Selector selector, Descriptor& out) {
    if (selector.has<Selector::TI>()) return selector_fault(Vector::gp, selector);
    return vcpu.load_descriptor(selector, out, Vector::gp);
}

Outcome read_system_selector(Vcpu& vcpu, insn::Insn const& insn, Selector& out) {
    if (!vcpu.cpu.uses_descriptors()) return undefined_opcode();
    TRY_GUEST(require_cpl0(vcpu));
    return read_word_operand(vcpu, insn, out.raw);
}

Outcome store_system_selector(Vcpu& vcpu, insn::Insn const& insn, SegmentName name) {
    if (!vcpu.cpu.uses_descriptors()) return undefined_opcode();
    TRY_GUEST(check_umip(vcpu));
    return write_word_operand(vcpu, insn, vcpu.cpu.seg(name).selector.raw);
}

} // namespace

Outcome lgdt(Vcpu& vcpu, insn::Insn const& insn) {
    TRY_GUEST(load_table(vcpu, insn, vcpu.cpu.gdtr));
    for (Segment& segment : vcpu.cpu.segment) segment.source = {};
    return Outcome::next();
}
Outcome lidt(Vcpu& vcpu, insn::Insn const& insn) {
    return load_table(vcpu, insn, vcpu.cpu.idtr);
}
Outcome sgdt(Vcpu& vcpu, insn::Insn const& insn) {
    return store_table(vcpu, insn, vcpu.cpu.gdtr);
}
Outcome sidt(Vcpu& vcpu, insn::Insn const& insn) {
    return store_table(vcpu, insn, vcpu.cpu.idtr);
}

Outcome lldt(Vcpu& vcpu, insn::Insn const& insn) {
    Selector selector;
    TRY_GUEST(read_system_selector(vcpu, insn, selector));
    Segment& ldtr = vcpu.cpu.seg(SegmentName::ldtr);
    if (selector.is_null()) {
        make_null(ldtr);
        ldtr.selector = selector;
        return Outcome::next();
    }
    Descriptor descriptor;
    TRY_GUEST(find_in_gdt(vcpu, selector, descriptor));
    if (!is_ldt(descriptor)) return selector_fault(Vector::gp, selector);
    if (!descriptor.rights().has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    ldtr = Segment::from_descriptor(selector, descriptor);
    return Outcome::next();
}

Outcome ltr(Vcpu& vcpu, insn::Insn const& insn) {
    Selector selector;
    TRY_GUEST(read_system_selector(vcpu, insn, selector));
    if (selector.is_null()) return general_protection();
    Descriptor descriptor;
    TRY_GUEST(find_in_gdt(vcpu, selector, descriptor));
    if (!is_available_tss(descriptor)) return selector_fault(Vector::gp, selector);
    if (!descriptor.rights().has<SegmentRights::P>()) return selector_fault(Vector::np, selector);
    TRY_GUEST(mark_tss(vcpu, selector, Busy::yes));
    constexpr u64 busy_bit = u64{1} << 41;
    vcpu.cpu.seg(SegmentName::tr) = Segment::from_descriptor(selector, {descriptor.raw | busy_bit});
    return Outcome::next();
}

Outcome sldt(Vcpu& vcpu, insn::Insn const& insn) {
    return store_system_selector(vcpu, insn, SegmentName::ldtr);
}
Outcome str(Vcpu& vcpu, insn::Insn const& insn) {
    return store_system_selector(vcpu, insn, SegmentName::tr);
}

} // namespace ring3
