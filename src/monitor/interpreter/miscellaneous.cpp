// Instructions with little or no effect, random numbers, BOUND (SDM 1 7.3.8.4, 7.3.14-7.3.16).
#include "host/alu_multiply.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

/// NOP (which names memory but does not touch it), PAUSE, prefetches, and fences: a guest's accesses are in order.
Outcome nothing(Vcpu&, Insn const&) {
    return Outcome::next();
}

/// UD0, UD1, UD2.
Outcome undefined(Vcpu&, Insn const&) {
    return Outcome::fault(Vector::ud);
}

/// CLFLUSH, CLFLUSHOPT, CLWB: checked like a load of one byte, which moves nothing; but execute-only segments are allowed
/// too (SDM 2A CLFLUSH).
Outcome flush_line(Vcpu& v, Insn const& insn) {
    SegmentName const segment = Vcpu::segment_of(insn);
    Access const access = v.cpu.seg(segment).rights.is_code() ? Access::execute : Access::read;
    Linear address;
    TRY_GUEST(v.linear_for(segment, v.effective_address(insn), 1, access, address));
    return v.mmu.probe(address, v.privilege(), Access::read, 1);
}

/// RDRAND and RDSEED take the host's numbers: the destination is 0 and CF clear if the host has none ready.
template <host::Random (*source)()> struct RandomNumber {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        host::Random const random = source();
        v.cpu.write<T>(insn.dst, random.valid ? static_cast<T>(random.value) : T{});
        v.cpu.eflags.raw &= ~Eflags::status;
        v.cpu.eflags = v.cpu.eflags.with<Eflags::CF>(random.valid);
        return Outcome::next();
    }
};

/// RDPID: IA32_TSC_AUX.
Outcome rdpid(Vcpu& v, Insn const& insn) {
    v.cpu.write<u32>(insn.dst, v.cpu.tsc_aux);
    return Outcome::next();
}

/// BOUND: the signed index must lie between the two bounds in memory, both included (SDM 2A BOUND). An index below the
/// lower bound is #BR before the upper one is read, and may fault: so processors do.
struct Bound {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        using Signed = std::make_signed_t<T>;
        u32 const address = v.effective_address(insn);
        u32 const mask = insn.address_width == 2 ? 0xffffu : 0xffff'ffffu;
        auto const index = static_cast<Signed>(v.cpu.read<T>(insn.dst));
        T lower, upper;
        TRY_GUEST(v.load<T>(Vcpu::segment_of(insn), address, lower));
        if (index < static_cast<Signed>(lower)) return Outcome::fault(Vector::br);
        TRY_GUEST(v.load<T>(Vcpu::segment_of(insn), (address + u32{sizeof(T)}) & mask, upper));
        return index > static_cast<Signed>(upper) ? Outcome::fault(Vector::br) : Outcome::next();
    }
};

constexpr std::array rows{
    HandlerRow{Op::nop, always<nothing>},
    HandlerRow{Op::pause, always<nothing>},
    HandlerRow{Op::prefetch, always<nothing>},
    HandlerRow{Op::fence, always<nothing>},
    HandlerRow{Op::ud, always<undefined>},
    HandlerRow{Op::clflush, always<flush_line>},
    HandlerRow{Op::rdrand, choose<RandomNumber<host::rdrand>, WordWidths, Shape::r>},
    HandlerRow{Op::rdseed, choose<RandomNumber<host::rdseed>, WordWidths, Shape::r>},
    HandlerRow{Op::rdpid, always<rdpid>},
    HandlerRow{Op::bound, choose<Bound, WordWidths, Shape::rm>},
};

} // namespace

std::span<HandlerRow const> miscellaneous_handlers() {
    return rows;
}

} // namespace ring3
