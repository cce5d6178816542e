// Shifts and rotates (SDM 1 7.3.6). The host reduces the count and leaves the flags alone when it is zero.
#include "host/alu_bits.h"
#include "insn/operands.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

/// E shifted by an immediate, by 1, or by CL: the count is the source, a byte whatever the width of E.
template <class Operation> struct Shift {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        u8 count;
        TRY_GUEST((load_source<u8, shape>(v, insn, count)));
        return change_destination<T, shape>(
            v, insn, [&](T destination) { return Operation{}(destination, count, v.cpu.eflags.raw); });
    }
};

/// SHLD and SHRD by an immediate count.
template <class Operation> struct DoubleShift {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        return apply<T, shape>(v, insn, static_cast<u8>(insn.imm));
    }
    template <class T, Shape shape> static Outcome apply(Vcpu& v, Insn const& insn, u8 count) {
        T const source = v.cpu.read<T>(insn.src);
        return change_destination<T, shape>(
            v, insn, [&](T destination) { return Operation{}(destination, source, count, v.cpu.eflags.raw); });
    }
};
/// SHLD and SHRD by CL.
template <class Operation> struct DoubleShiftByCl {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        return DoubleShift<Operation>::template apply<T, shape>(v, insn, v.cpu.read<u8>(reg_ref(ecx)));
    }
};

/// SARX, SHLX, SHRX: no flags; RORX likewise, by an immediate.
template <class Operation> struct ShiftByRegister {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, Operation{}(source, v.cpu.read<T>(vvvv_ref(insn)), v.cpu.eflags.raw));
        return Outcome::next();
    }
};
struct RotateCopy {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, std::rotr(source, static_cast<int>(insn.imm & 31)));
        return Outcome::next();
    }
};

template <class Operation> Handler shift(Insn const& insn) {
    return choose<Shift<Operation>, AnyWidth, Shape::rr, Shape::mr, Shape::ri, Shape::mi>(insn);
}
template <class Operation> Handler double_shift(Insn const& insn) {
    bool const by_cl = insn.def->operands[2].code == insn::Code::CL;
    return by_cl ? choose<DoubleShiftByCl<Operation>, WordWidths, Shape::rr, Shape::mr>(insn)
                 : choose<DoubleShift<Operation>, WordWidths, Shape::rr, Shape::mr>(insn);
}
template <class Routine> Handler vex(Insn const& insn) {
    return choose<Routine, Widths<u32>, Shape::rr, Shape::rm>(insn);
}

constexpr std::array rows{
    HandlerRow{Op::rol, shift<host::Rol>},
    HandlerRow{Op::ror, shift<host::Ror>},
    HandlerRow{Op::rcl, shift<host::Rcl>},
    HandlerRow{Op::rcr, shift<host::Rcr>},
    HandlerRow{Op::shl, shift<host::Shl>},
    HandlerRow{Op::shr, shift<host::Shr>},
    HandlerRow{Op::sar, shift<host::Sar>},
    HandlerRow{Op::shld, double_shift<host::Shld>},
    HandlerRow{Op::shrd, double_shift<host::Shrd>},
    HandlerRow{Op::sarx, vex<ShiftByRegister<host::Sarx>>},
    HandlerRow{Op::shlx, vex<ShiftByRegister<host::Shlx>>},
    HandlerRow{Op::shrx, vex<ShiftByRegister<host::Shrx>>},
    HandlerRow{Op::rorx, vex<RotateCopy>},
};

} // namespace

std::span<HandlerRow const> shift_handlers() {
    return rows;
}

} // namespace ring3
