// Multiplication and division (SDM 1 7.3.2.4).
#include "host/alu_multiply.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

using host::Wide;

/// AX, DX:AX or EDX:EAX.
template <class T> Wide<T> read_accumulator(GuestCpu const& cpu) {
    if constexpr (sizeof(T) == 1)
        return cpu.read<u16>(accumulator);
    else
        return static_cast<Wide<T>>(Wide<T>{cpu.read<T>(accumulator_high)} << (8 * sizeof(T)) |
                                    cpu.read<T>(accumulator));
}
template <class T> void write_accumulator(GuestCpu& cpu, Wide<T> value) {
    if constexpr (sizeof(T) == 1) {
        cpu.write<u16>(accumulator, value);
    } else {
        cpu.write<T>(accumulator, static_cast<T>(value));
        cpu.write<T>(accumulator_high, static_cast<T>(value >> (8 * sizeof(T))));
    }
}

/// MUL and one-operand IMUL.
template <class Operation> struct MultiplyAccumulator {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T operand;
        TRY_GUEST((load_destination<T, shape>(v, insn, operand)));
        write_accumulator<T>(v.cpu, Operation{}(v.cpu.read<T>(accumulator), operand, v.cpu.eflags.raw));
        return Outcome::next();
    }
};

/// IMUL with two operands, and with three: then the destination is not read.
struct Multiply {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, host::Imul{}(v.cpu.read<T>(insn.dst), source, v.cpu.eflags.raw));
        return Outcome::next();
    }
};
struct MultiplyImmediate {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, host::Imul{}(source, static_cast<T>(insn.imm), v.cpu.eflags.raw));
        return Outcome::next();
    }
};

/// DIV: #DE is decided before the host divides, which would trap.
struct Divide {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T divisor;
        TRY_GUEST((load_destination<T, shape>(v, insn, divisor)));
        Wide<T> const dividend = read_accumulator<T>(v.cpu);
        if (host::division_overflows<T>(dividend, divisor)) return Outcome::fault(Vector::de);
        write_accumulator<T>(v.cpu, host::DivUnchecked{}(dividend, divisor, v.cpu.eflags.raw));
        return Outcome::next();
    }
};
struct DivideSigned {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T divisor;
        TRY_GUEST((load_destination<T, shape>(v, insn, divisor)));
        Wide<T> const dividend = read_accumulator<T>(v.cpu);
        if (host::signed_division_overflows<T>(dividend, divisor)) return Outcome::fault(Vector::de);
        write_accumulator<T>(v.cpu, host::IdivUnchecked{}(dividend, divisor, v.cpu.eflags.raw));
        return Outcome::next();
    }
};

template <class Routine> Handler one_operand(Insn const& insn) {
    return choose<Routine, AnyWidth, Shape::r, Shape::m>(insn);
}

Handler pick_imul(Insn const& insn) {
    bool const three_operands = insn.def->operands[2].code != insn::Code::none;
    return three_operands ? choose<MultiplyImmediate, WordWidths, Shape::rr, Shape::rm>(insn)
                          : choose<Multiply, WordWidths, Shape::rr, Shape::rm>(insn);
}

constexpr std::array rows{
    HandlerRow{Op::mul, one_operand<MultiplyAccumulator<host::Mul>>},
    HandlerRow{Op::imul_wide, one_operand<MultiplyAccumulator<host::ImulWide>>},
    HandlerRow{Op::imul, pick_imul},
    HandlerRow{Op::div, one_operand<Divide>},
    HandlerRow{Op::idiv, one_operand<DivideSigned>},
};

} // namespace

std::span<HandlerRow const> multiply_handlers() {
    return rows;
}

} // namespace ring3
