// Segment-level protection (SDM 3A 5): gates, checks of selectors, and the loading of segment registers.
//
// The same few checks recur in MOV to a segment register, far transfers, returns, event delivery and task switches;
// what differs is the vector that a broken rule raises. So each check here is named for the rule and takes the vector.
// Error codes are the selector's; event delivery adds the EXT bit to whatever comes back (interrupt.cpp).
#pragma once

#include "monitor/interpreter/vcpu.h"

namespace ring3 {

/// A gate descriptor (SDM 3A figures 5-8 and 6-2).
struct Gate {
    u64 raw{};
    constexpr SegmentRights rights() const { return Descriptor{raw}.rights(); }
    constexpr SystemType type() const { return rights().system_type(); }
    constexpr bool is_system() const { return !rights().has<SegmentRights::S>(); }
    constexpr unsigned dpl() const { return rights().get<SegmentRights::DPL>(); }
    constexpr bool present() const { return rights().has<SegmentRights::P>(); }
    constexpr Selector selector() const { return {{static_cast<u16>(raw >> 16)}}; }
    /// Bit 3 of every gate and TSS type tells 32-bit ones from 16-bit ones.
    constexpr bool is_32bit() const { return (static_cast<u8>(type()) & 8) != 0; }
    constexpr unsigned width() const { return is_32bit() ? 4 : 2; }
    constexpr u32 offset() const {
        u32 const low = static_cast<u32>(raw & 0xffff);
        return is_32bit() ? low | (static_cast<u32>(raw >> 32) & 0xffff'0000) : low;
    }
    constexpr unsigned parameters() const { return static_cast<unsigned>(raw >> 32) & 0x1f; }
};

inline Outcome selector_fault(Vector vector, Selector selector) {
    return Outcome::fault(vector, selector.error_code());
}
inline Outcome general_protection() {
    return Outcome::fault(Vector::gp, 0);
}
inline Outcome undefined_opcode() {
    return Outcome::fault(Vector::ud);
}
/// Privileged instructions (SDM 3A 5.9): #GP(0) but at CPL 0.
inline Outcome require_cpl0(Vcpu const& vcpu) {
    return vcpu.cpu.cpl == 0 ? Outcome::next() : general_protection();
}
constexpr Privilege privilege_of(unsigned cpl) {
    return cpl == 3 ? Privilege::user : Privilege::supervisor;
}

constexpr bool is_available_tss(Descriptor descriptor) {
    SegmentRights const rights = descriptor.rights();
    return !rights.has<SegmentRights::S>() &&
           (rights.system_type() == SystemType::tss16_available || rights.system_type() == SystemType::tss32_available);
}
constexpr bool is_busy_tss(Descriptor descriptor) {
    SegmentRights const rights = descriptor.rights();
    return !rights.has<SegmentRights::S>() &&
           (rights.system_type() == SystemType::tss16_busy || rights.system_type() == SystemType::tss32_busy);
}
constexpr bool is_ldt(Descriptor descriptor) {
    return !descriptor.rights().has<SegmentRights::S>() && descriptor.rights().system_type() == SystemType::ldt;
}

/// Sets or clears the busy bit of a TSS descriptor in the GDT (SDM 3A 8.2.2).
enum class Busy : u8 { no, yes };
Outcome mark_tss(Vcpu& vcpu, Selector selector, Busy busy);

/// DS, ES, FS, GS (SDM 2B MOV): null, data or readable code, privilege, presence. `broken_rule` is #GP, or #TS in a
/// task switch. Sets the accessed bit; a null selector gives an unusable segment.
Outcome check_data_segment(Vcpu& vcpu, Selector selector, unsigned cpl, Vector broken_rule, Segment& out);
/// SS at privilege `cpl`. A null selector raises `broken_rule` with error code 0.
Outcome check_stack_segment(Vcpu& vcpu, Selector selector, unsigned cpl, Vector broken_rule, Segment& out);

/// Loads CS with RPL := cpl, and makes cpl current.
void enter_code_segment(Vcpu& vcpu, Selector selector, Descriptor descriptor, unsigned cpl);

/// MOV to a segment register, POP, LDS...: by mode. CS is the caller's #UD.
Outcome load_segment(Vcpu& vcpu, SegmentName name, Selector selector);

/// Leaves a data segment register null (SDM 2B RET: after an outer return; 2A INT: after leaving virtual-8086 mode).
void make_null(Segment& segment);
/// SDM 2B RET, IRET: data segments more privileged than the CPL returned to are made null.
void drop_privileged_data_segments(Vcpu& vcpu);

} // namespace ring3
