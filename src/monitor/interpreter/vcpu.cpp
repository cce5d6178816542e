// Vcpu's own business: reset, the mode's consequences, and memory accesses of odd sizes through a segment.
#include "monitor/interpreter/vcpu.h"

#include "monitor/cpu/cpu_model.h"
#include "monitor/interpreter/fpu_state.h"

#include <utility>

namespace ring3 {

/// SDM 3A 10.1.4: the first instruction lies 16 bytes below 4 GiB, although CS holds F000H.
static Segment reset_code_segment() {
    Segment cs = Segment::virtual8086(0xf000);
    cs.base = 0xffff'0000;
    cs.rights = cs.rights.with<SegmentRights::DPL>(0);
    cs.refresh();
    return cs;
}

void Vcpu::reset() {
    cpu = GuestCpu{};
    cpu.eip = 0xfff0;
    cpu.gpr[edx] = model.signature();
    for (Segment& segment : cpu.segment) {
        segment = Segment::virtual8086(0);
        segment.rights = segment.rights.with<SegmentRights::DPL>(0);
    }
    cpu.seg(SegmentName::cs) = reset_code_segment();
    cpu.seg(SegmentName::ldtr).rights =
        SegmentRights{}.with<SegmentRights::Type>(static_cast<u8>(SystemType::ldt)).with<SegmentRights::P>(1);
    cpu.seg(SegmentName::tr).rights =
        SegmentRights{}.with<SegmentRights::Type>(static_cast<u8>(SystemType::tss32_busy)).with<SegmentRights::P>(1);
    reset_extended_state(cpu.fpu);
    next_eip = cpu.eip;
    mmu.set_physical_bits(model.physical_bits());
    mmu.update_breakpoints();
    mmu.flush_all();
    update_mode();
    record(TraceKind::reset, cpu.seg(SegmentName::cs).selector.raw, cpu.eip);
}

void Vcpu::update_mode() {
    // SDM 3A 6.15, #AC: only at privilege level 3, and only if both the OS and the program want it.
    mmu.set_alignment_checks(cpu.cpl == 3 && cpu.cr0.has<Cr0::AM>() && cpu.eflags.has<Eflags::AC>());
}

namespace {

bool allows(Segment const& segment, Access access) {
    switch (access) {
    case Access::read: return segment.readable;
    case Access::write: return segment.writable;
    case Access::execute: return segment.is_usable() && segment.rights.is_code();
    }
    std::unreachable();
}

} // namespace

Outcome Vcpu::linear_for(SegmentName name, u32 offset, unsigned size, Access access, Linear& out) {
    Segment const& s = cpu.seg(name);
    bool const allowed = allows(s, access);
    bool const inside = offset >= s.lowest && u64{offset} + size - 1 <= s.highest;
    if (size != 0 && (!allowed || (!inside && !wraps(s)))) return segment_fault(name);
    out = linear(s, offset);
    return Outcome::next();
}

Outcome Vcpu::load_bytes(SegmentName segment, u32 offset, void* out, unsigned size) {
    Linear address;
    TRY_GUEST(linear_for(segment, offset, size, Access::read, address));
    return mmu.read_bytes(address, privilege(), out, size);
}

Outcome Vcpu::store_bytes(SegmentName segment, u32 offset, void const* bytes, unsigned size) {
    Linear address;
    TRY_GUEST(linear_for(segment, offset, size, Access::write, address));
    return mmu.write_bytes(address, privilege(), bytes, size);
}

} // namespace ring3
