// Vcpu: one virtual processor as the interpreter's routines see it (C2, C3).
//
// It joins the architectural state, the MMU and the platform, and offers the operations that the manual's pseudo-code
// uses again and again: segment-checked memory accesses, pushes and pops, descriptor loads, delivery of events.
// An instruction's routine is `Outcome routine(Vcpu&, Insn const&)`: read operands -> compute -> commit. Nothing that the
// guest can see changes before the last thing that can fault. The routine does not touch `cpu.eip`; the run loop sets
// `next_eip` to the following instruction before the call and commits it after Outcome::next(). Branches set next_eip.
#pragma once

#include "base/trace.h"
#include "insn/insn.h"
#include "monitor/cpu/engine_context.h"
#include "monitor/cpu/outcome.h"
#include "monitor/cpu/platform.h"
#include "monitor/cpu/state.h"
#include "monitor/mmu/mmu.h"

namespace ring3 {

class CpuModel;     // monitor/cpu/cpu_model.h: CPUID, allowed CR4 bits, MSRs
class NativeRunner; // native_runner.h: x87 and vector instructions on the host processor

/// How an event came about: decides privilege checks, the pushed eip, and the EXT bit (SDM 3A 6.4, 6.12.1.2, 6.13).
enum class EventKind : u8 {
    external,  // hardware interrupt, NMI
    exception, // fault, trap or abort of the processor's own
    software,  // INT n, INT3, INTO: the gate's DPL is checked; eip after the instruction is pushed
    icebp,     // INT1: like an exception, but eip after the instruction is pushed
};

class Vcpu;

/// Told of every event just before it is delivered (`-d int`).
class EventListener {
public:
    virtual ~EventListener() = default;
    virtual void event(Vcpu const& vcpu, u8 vector, EventKind kind, u32 error) = 0;
};

class Vcpu {
public:
    Vcpu(PhysicalMemory& memory, Platform& platform_, CpuModel const& model_, NativeRunner& native_, TraceRing& trace_)
        : mmu{cpu, memory}, platform{platform_}, model{model_}, native{native_}, trace{trace_} {}
    Vcpu(Vcpu const&) = delete;

    GuestCpu cpu;
    EngineContext engine{}; // translated code reaches it from cpu
    Mmu mmu;
    Platform& platform;
    CpuModel const& model;
    NativeRunner& native;
    TraceRing& trace;
    EventListener* listener{};
    u64 next_eip{}; // see above

    /// SDM 3A table 9-1: state after power-up, reset (and, with fewer changes, INIT).
    void reset();

    // ---- privilege and mode
    Privilege privilege() const { return cpu.cpl == 3 ? Privilege::user : Privilege::supervisor; }
    /// To be called after any change of CR0, CR4.., EFLAGS.AC/VM, CPL or a segment that changes what the run loop or the
    /// MMU may assume (alignment checks). Cheap.
    void update_mode();

    // ---- memory through a segment (SDM 3A 5.3). Offsets are already cut to the address size.
    // Faults: #SS(0) through SS, else #GP(0), for limit, type and unusable segments; then the MMU's.
    template <class T> Outcome load(SegmentName segment, u32 offset, T& value);
    template <class T> Outcome store(SegmentName segment, u32 offset, T value);
    template <class T, class F> Outcome modify(SegmentName segment, u32 offset, F change);
    Outcome load_bytes(SegmentName segment, u32 offset, void* out, unsigned size);
    Outcome store_bytes(SegmentName segment, u32 offset, void const* bytes, unsigned size);
    /// The linear address of an access, or the fault that its segment demands.
    Outcome linear_for(SegmentName segment, u32 offset, unsigned size, Access access, Linear& out);

    /// Offset of the instruction's memory operand within its segment.
    u32 effective_address(insn::Insn const& insn) const {
        u64 const sum =
            cpu.gpr[insn.base] + (cpu.gpr[insn.index] << insn.scale) + static_cast<u64>(i64{insn.displacement});
        return static_cast<u32>(sum) & (insn.address_width == 2 ? 0xffffu : 0xffff'ffffu);
    }
    static SegmentName segment_of(insn::Insn const& insn) { return static_cast<SegmentName>(insn.segment); }

    // ---- stack (SDM 1 6.2): T is u16 or u32. The stack address size is SS.B's. ESP changes only on success.
    template <class T> Outcome push(T value);
    template <class T> Outcome pop(T& value);
    u32 stack_pointer() const { return static_cast<u32>(cpu.gpr[esp]) & stack_mask(); }
    void set_stack_pointer(u32 value); // writes SP or ESP as SS.B says
    u32 stack_mask() const { return cpu.stack_is_32bit() ? 0xffff'ffffu : 0xffffu; }

    // ---- control transfer
    /// Sets next_eip after the check against CS's limit: #GP(0) beyond it (SDM 2A JMP).
    Outcome jump_to(u32 target);

    // ---- system tables: always supervisor accesses (SDM 3A 4.6: "implicit").
    template <class T> Outcome load_system(Linear address, T& value) {
        return mmu.read(address, Privilege::supervisor, value);
    }
    template <class T> Outcome store_system(Linear address, T value) {
        return mmu.write(address, Privilege::supervisor, value);
    }
    /// The descriptor a selector names; `beyond` is the fault for an index past the table's limit (usually #GP or #TS).
    Outcome load_descriptor(Selector selector, Descriptor& descriptor, Vector beyond);
    /// Sets the accessed bit in memory if it is clear.
    Outcome mark_accessed(Selector selector, Descriptor& descriptor);
    /// A data segment as it was last loaded through a selector like this one. What the checks say depends on nothing but
    /// selector, descriptor and privilege level, and kernels load the same few segments at each system call.
    struct CheckedSegment {
        u64 descriptor{};
        Segment segment{};
        u8 cpl{};
    };
    CheckedSegment& checked_segment(Selector selector) {
        return checked_segments_[selector.get<Selector::Index>() % checked_segments_.size()];
    }

    // ---- events (interrupt.cpp, task.cpp)
    /// Delivers an event through the IVT or IDT, with nested faults folded into double and triple faults as SDM 3A
    /// table 6-5 says. Returns next (delivered) or shutdown. Sets cpu.eip AND next_eip to the
    /// handler, so that a routine (INT n) may call it and return leave().
    Outcome deliver(u8 vector, EventKind kind, bool has_error, u32 error);
    Outcome deliver_fault(Outcome fault); // an exception that an instruction or a fetch raised

    /// One guest instruction must not be decoded ahead past this point: set by routines that change how code decodes.
    static Outcome leave() { return Outcome::leave(); }

    /// A non-maskable interrupt waits and none is being served (SDM 3A 6.7.1: blocked until the next IRET).
    bool nmi_waiting() const { return cpu.nmi_pending && !cpu.nmi_blocked; }
    void take_nmi() {
        cpu.nmi_pending = false;
        cpu.nmi_blocked = true;
    }

    void record(TraceKind kind, u64 a, u64 b) { trace.record(kind, platform.now(), a, b); }

private:
    template <class T> bool within(Segment const& s, u32 offset) const {
        return offset >= s.lowest && u64{offset} + sizeof(T) - 1 <= s.highest;
    }
    Outcome segment_fault(SegmentName segment) const {
        return Outcome::fault(segment == SegmentName::ss ? Vector::ss : Vector::gp, 0);
    }
    std::array<CheckedSegment, 16> checked_segments_{};

    /// A flat 4-GiB segment lets an access wrap from FFFFFFFFH to 0, as processors do.
    static bool wraps(Segment const& s) { return s.lowest == 0 && s.highest == 0xffff'ffff; }
    static Linear linear(Segment const& s, u32 offset) { return {u32(s.base + offset)}; }
};

/// An instruction's routine.
using Handler = Outcome (*)(Vcpu&, insn::Insn const&);

template <class T> inline Outcome Vcpu::load(SegmentName name, u32 offset, T& value) {
    Segment const& s = cpu.seg(name);
    if (!s.readable || (!within<T>(s, offset) && !wraps(s))) [[unlikely]]
        return segment_fault(name);
    return mmu.read(linear(s, offset), privilege(), value);
}

template <class T> inline Outcome Vcpu::store(SegmentName name, u32 offset, T value) {
    Segment const& s = cpu.seg(name);
    if (!s.writable || (!within<T>(s, offset) && !wraps(s))) [[unlikely]]
        return segment_fault(name);
    return mmu.write(linear(s, offset), privilege(), value);
}

template <class T, class F> inline Outcome Vcpu::modify(SegmentName name, u32 offset, F change) {
    Segment const& s = cpu.seg(name);
    if (!s.writable || (!within<T>(s, offset) && !wraps(s))) [[unlikely]]
        return segment_fault(name);
    return mmu.modify<T>(linear(s, offset), privilege(), change);
}

template <class T> inline Outcome Vcpu::push(T value) {
    u32 const top = (static_cast<u32>(cpu.gpr[esp]) - u32{sizeof(T)}) & stack_mask();
    TRY_GUEST(store<T>(SegmentName::ss, top, value));
    set_stack_pointer(top);
    return Outcome::next();
}

template <class T> inline Outcome Vcpu::pop(T& value) {
    TRY_GUEST(load<T>(SegmentName::ss, stack_pointer(), value));
    set_stack_pointer(static_cast<u32>(cpu.gpr[esp]) + u32{sizeof(T)});
    return Outcome::next();
}

inline void Vcpu::set_stack_pointer(u32 value) {
    if (cpu.stack_is_32bit())
        cpu.write<u32>(reg_ref(esp), value);
    else
        cpu.write<u16>(reg_ref(esp), static_cast<u16>(value));
}

inline Outcome Vcpu::jump_to(u32 target) {
    if (target > cpu.seg(SegmentName::cs).limit) [[unlikely]]
        return Outcome::fault(Vector::gp, 0);
    next_eip = target;
    return Outcome::next();
}

} // namespace ring3
