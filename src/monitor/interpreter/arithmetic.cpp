// Binary arithmetic and logic without multiplication (SDM 1 7.3.2, 7.3.4): the host computes, see host/alu.h.
#include "host/alu.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

/// destination = destination operation source.
template <class Operation> struct Binary {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        return change_destination<T, shape>(
            v, insn, [&](T destination) { return Operation{}(destination, source, v.cpu.eflags.raw); });
    }
};

/// CMP and TEST: only the flags of the operation remain.
template <class Operation> struct Compare {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T destination, source;
        TRY_GUEST((load_destination<T, shape>(v, insn, destination)));
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        Operation{}(destination, source, v.cpu.eflags.raw);
        return Outcome::next();
    }
};

/// destination = operation destination.
template <class Operation> struct Unary {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        return change_destination<T, shape>(v, insn,
                                            [&](T destination) { return Operation{}(destination, v.cpu.eflags.raw); });
    }
};

/// CBW and CWDE: the lower half of the accumulator is sign-extended.
struct ExtendAccumulator {
    template <class T> static Outcome run(Vcpu& v, Insn const&) {
        if constexpr (sizeof(T) == 2)
            v.cpu.write<u16>(accumulator, static_cast<u16>(static_cast<i8>(v.cpu.read<u8>(accumulator))));
        else
            v.cpu.write<u32>(accumulator, static_cast<u32>(static_cast<i16>(v.cpu.read<u16>(accumulator))));
        return Outcome::next();
    }
};

/// CWD and CDQ: DX or EDX becomes copies of the accumulator's sign.
struct SpreadSign {
    template <class T> static Outcome run(Vcpu& v, Insn const&) {
        bool const negative = (v.cpu.read<T>(accumulator) >> (8 * sizeof(T) - 1)) != 0;
        v.cpu.write<T>(accumulator_high, negative ? static_cast<T>(~T{}) : T{});
        return Outcome::next();
    }
};

template <class Routine> Handler two_operands(Insn const& insn) {
    return choose<Routine, AnyWidth, Shape::rr, Shape::rm, Shape::mr, Shape::ri, Shape::mi>(insn);
}
template <class Routine> Handler one_operand(Insn const& insn) {
    return choose<Routine, AnyWidth, Shape::r, Shape::m>(insn);
}

constexpr std::array rows{
    HandlerRow{Op::add, two_operands<Binary<host::Add>>},   HandlerRow{Op::or_, two_operands<Binary<host::Or>>},
    HandlerRow{Op::adc, two_operands<Binary<host::Adc>>},   HandlerRow{Op::sbb, two_operands<Binary<host::Sbb>>},
    HandlerRow{Op::and_, two_operands<Binary<host::And>>},  HandlerRow{Op::sub, two_operands<Binary<host::Sub>>},
    HandlerRow{Op::xor_, two_operands<Binary<host::Xor>>},  HandlerRow{Op::cmp, two_operands<Compare<host::Sub>>},
    HandlerRow{Op::test, two_operands<Compare<host::And>>}, HandlerRow{Op::inc, one_operand<Unary<host::Inc>>},
    HandlerRow{Op::dec, one_operand<Unary<host::Dec>>},     HandlerRow{Op::neg, one_operand<Unary<host::Neg>>},
    HandlerRow{Op::not_, one_operand<Unary<host::Not>>},    HandlerRow{Op::cbw, by_operand_size<ExtendAccumulator>},
    HandlerRow{Op::cwd, by_operand_size<SpreadSign>},
};

} // namespace

std::span<HandlerRow const> arithmetic_handlers() {
    return rows;
}

} // namespace ring3
