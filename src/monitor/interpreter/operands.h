// Operands and variants: what the integer chapters share.
//
// A routine is a class with a static template `run<T, shape>`: T is the operand's width, shape says where destination
// and source lie. `choose` lists which widths and shapes the instruction has and picks one instance when an instruction
// is decoded; inside the instance nothing is left to decide:
//
//     struct Add { template <class T, Shape shape> static Outcome run(Vcpu&, Insn const&); };
//     {Op::add, choose<Add, AnyWidth, Shape::rr, Shape::rm, ...>}
#pragma once

#include "monitor/interpreter/handlers.h"
#include "monitor/interpreter/vcpu.h"

namespace ring3 {

using insn::Insn;
using insn::Op;
using insn::Shape;

template <class... T> struct Widths {};
using AnyWidth = Widths<u8, u16, u32>;
using WordWidths = Widths<u16, u32>; // by operand size

template <class Routine, Shape shape, class... T> Handler choose_width(unsigned width, Widths<T...>) {
    Handler handler = nullptr;
    ((width == sizeof(T) ? void(handler = &Routine::template run<T, shape>) : void()), ...);
    return handler;
}

/// The instance of Routine::run for the instruction's width and shape; null if it is not among those listed.
template <class Routine, class AllowedWidths, Shape... shapes> Handler choose(Insn const& insn) {
    Handler handler = nullptr;
    ((insn.shape == shapes ? void(handler = choose_width<Routine, shapes>(insn.width, AllowedWidths{})) : void()), ...);
    return handler;
}

/// For instructions without operands to choose by.
template <Handler handler> Handler always(Insn const&) {
    return handler;
}

/// For instructions whose implicit operands follow the operand-size attribute: Routine::run<u16 or u32>.
template <class Routine> Handler by_operand_size(Insn const& insn) {
    return insn.operand_size == 2 ? &Routine::template run<u16> : &Routine::template run<u32>;
}

/// For instructions whose implicit operands follow the address-size attribute.
template <class Routine> Handler by_address_size(Insn const& insn) {
    return insn.address_width == 2 ? &Routine::template run<u16> : &Routine::template run<u32>;
}

constexpr bool destination_in_memory(Shape shape) {
    return shape == Shape::mr || shape == Shape::mi || shape == Shape::m;
}

/// Reads the memory operand. Inlined by order: GCC finds the MMU's fast path too long for so many instances, but a call
/// costs as much as the access.
template <class T>
[[gnu::always_inline]] [[gnu::always_inline]] inline Outcome load_memory(Vcpu& v, Insn const& insn, T& value) {
    return v.load<T>(Vcpu::segment_of(insn), v.effective_address(insn), value);
}

/// Reads the source: the second of two operands.
template <class T, Shape shape> [[gnu::always_inline]] inline Outcome load_source(Vcpu& v, Insn const& insn, T& value) {
    if constexpr (shape == Shape::rm)
        return load_memory<T>(v, insn, value);
    else if constexpr (shape == Shape::ri || shape == Shape::mi || shape == Shape::i)
        value = static_cast<T>(insn.imm);
    else
        value = v.cpu.read<T>(insn.src);
    return Outcome::next();
}

/// Reads the destination, or the only operand.
template <class T, Shape shape>
[[gnu::always_inline]] inline Outcome load_destination(Vcpu& v, Insn const& insn, T& value) {
    if constexpr (destination_in_memory(shape)) return load_memory<T>(v, insn, value);
    value = v.cpu.read<T>(insn.dst);
    return Outcome::next();
}

/// Writes the destination, or the only operand.
template <class T, Shape shape>
[[gnu::always_inline]] inline Outcome store_destination(Vcpu& v, Insn const& insn, T value) {
    if constexpr (destination_in_memory(shape))
        return v.store<T>(Vcpu::segment_of(insn), v.effective_address(insn), value);
    v.cpu.write<T>(insn.dst, value);
    return Outcome::next();
}

/// Replaces the destination by `change(destination)`; if that lies in memory, write permission is checked first, so
/// `change` may already commit flags and registers.
template <class T, Shape shape, class Change>
[[gnu::always_inline]] inline Outcome change_destination(Vcpu& v, Insn const& insn, Change change) {
    if constexpr (destination_in_memory(shape))
        return v.modify<T>(Vcpu::segment_of(insn), v.effective_address(insn), change);
    v.cpu.write<T>(insn.dst, change(v.cpu.read<T>(insn.dst)));
    return Outcome::next();
}

// The accumulators by width: AL, AX, EAX, and what extends them.
inline constexpr RegRef accumulator = reg_ref(eax);
inline constexpr RegRef accumulator_high = reg_ref(edx);
inline constexpr RegRef ah = byte_reg_ref(4);

} // namespace ring3
