#include "monitor/interpreter/port_permission.h"

#include "monitor/interpreter/tss.h"

namespace ring3 {

/// The offset of the I/O map within the TSS; only 32-bit ones have it.
static Outcome io_map_base(Vcpu& vcpu, u16& out) {
    Segment const& tr = vcpu.cpu.seg(SegmentName::tr);
    if (!tr.is_usable() || !tss_is_32bit(tr) || tr.limit < Tss32::limit) return general_protection();
    return vcpu.load_system({u32(tr.base + Tss32::io_map)}, out);
}

Outcome check_port_permission(Vcpu& vcpu, u16 port, unsigned bytes) {
    GuestCpu const& cpu = vcpu.cpu;
    bool const by_iopl = cpu.cpl <= cpu.eflags.get<Eflags::IOPL>() && !cpu.virtual8086();
    if (!cpu.protected_mode() || by_iopl) return Outcome::next();
    u16 base = 0;
    TRY_GUEST(io_map_base(vcpu, base));
    // SDM 1 19.5.2: two bytes are always read, so that the bits of one access may straddle them.
    Segment const& tr = cpu.seg(SegmentName::tr);
    u32 const offset = u32{base} + port / 8;
    if (offset + 1 > tr.limit) return general_protection();
    u16 map = 0;
    TRY_GUEST(vcpu.load_system({u32(tr.base + offset)}, map));
    unsigned const wanted = ((1u << bytes) - 1) << (port % 8);
    return (map & wanted) != 0 ? general_protection() : Outcome::next();
}

Outcome interrupt_is_redirected(Vcpu& vcpu, u8 vector, bool& redirected) {
    constexpr u32 map_size = 32;
    u16 base = 0;
    TRY_GUEST(io_map_base(vcpu, base));
    Segment const& tr = vcpu.cpu.seg(SegmentName::tr);
    if (base < map_size || u32{base} - map_size + vector / 8 > tr.limit) return general_protection();
    u8 bits = 0;
    TRY_GUEST(vcpu.load_system({u32(tr.base + base - map_size + vector / 8)}, bits));
    redirected = ((bits >> (vector % 8)) & 1) == 0;
    return Outcome::next();
}

} // namespace ring3
