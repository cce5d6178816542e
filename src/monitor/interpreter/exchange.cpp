// Exchanges (SDM 1 7.3.1.2): XCHG, XADD, CMPXCHG, CMPXCHG8B.
//
// LOCK needs nothing here: a guest has one processor, and an instruction is one step of it.
#include "host/alu.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

struct Exchange {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T const source = v.cpu.read<T>(insn.src);
        T old{};
        TRY_GUEST((change_destination<T, shape>(v, insn, [&](T destination) {
            old = destination;
            return source;
        })));
        v.cpu.write<T>(insn.src, old);
        return Outcome::next();
    }
};

/// The source register receives the old destination, then the destination the sum (which wins if they are one).
struct ExchangeAdd {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T const source = v.cpu.read<T>(insn.src);
        return change_destination<T, shape>(v, insn, [&](T destination) {
            v.cpu.write<T>(insn.src, destination);
            return host::Add{}(destination, source, v.cpu.eflags.raw);
        });
    }
};

/// The destination is written in any case, with its old value if it differs (SDM 2A CMPXCHG).
struct CompareExchange {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T const source = v.cpu.read<T>(insn.src);
        T const expected = v.cpu.read<T>(accumulator);
        T old{};
        TRY_GUEST((change_destination<T, shape>(v, insn, [&](T destination) {
            old = destination;
            return destination == expected ? source : destination;
        })));
        host::Sub{}(expected, old, v.cpu.eflags.raw);
        if (old != expected) v.cpu.write<T>(accumulator, old);
        return Outcome::next();
    }
};

Outcome compare_exchange_8_bytes(Vcpu& v, Insn const& insn) {
    auto const pair = [&](Gpr high, Gpr low) {
        return u64{v.cpu.read<u32>(reg_ref(high))} << 32 | v.cpu.read<u32>(reg_ref(low));
    };
    u64 const expected = pair(edx, eax);
    u64 const desired = pair(ecx, ebx);
    u64 old{};
    TRY_GUEST(v.modify<u64>(Vcpu::segment_of(insn), v.effective_address(insn), [&](u64 destination) {
        old = destination;
        return destination == expected ? desired : destination;
    }));
    v.cpu.eflags = v.cpu.eflags.with<Eflags::ZF>(old == expected);
    if (old != expected) {
        v.cpu.write<u32>(reg_ref(eax), static_cast<u32>(old));
        v.cpu.write<u32>(reg_ref(edx), static_cast<u32>(old >> 32));
    }
    return Outcome::next();
}

Handler pick_cmpxchg8b(Insn const& insn) {
    return insn.shape == Shape::m ? compare_exchange_8_bytes : nullptr;
}

template <class Routine> Handler with_register(Insn const& insn) {
    return choose<Routine, AnyWidth, Shape::rr, Shape::mr>(insn);
}

constexpr std::array rows{
    HandlerRow{Op::xchg, with_register<Exchange>},
    HandlerRow{Op::xadd, with_register<ExchangeAdd>},
    HandlerRow{Op::cmpxchg, with_register<CompareExchange>},
    HandlerRow{Op::cmpxchg8b, pick_cmpxchg8b},
};

} // namespace

std::span<HandlerRow const> exchange_handlers() {
    return rows;
}

} // namespace ring3
