// Moves (SDM 1 7.3.1): general data movement, conditional moves, type conversion, address computation.
#include "monitor/interpreter/condition.h"
#include "monitor/interpreter/integer_handlers.h"

namespace ring3 {
namespace {

struct Move {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T value;
        TRY_GUEST((load_source<T, shape>(v, insn, value)));
        return store_destination<T, shape>(v, insn, value);
    }
};

/// MOVZX and MOVSX. Source is the narrow type (signed for MOVSX), T the destination's.
template <class Source> struct Extend {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        std::make_unsigned_t<Source> value;
        TRY_GUEST((load_source<std::make_unsigned_t<Source>, shape>(v, insn, value)));
        v.cpu.write<T>(insn.dst, static_cast<T>(static_cast<Source>(value)));
        return Outcome::next();
    }
};
template <class Byte, class Word> Handler pick_extend(Insn const& insn) {
    return insn.source_width == 1 ? choose<Extend<Byte>, WordWidths, Shape::rr, Shape::rm>(insn)
                                  : choose<Extend<Word>, WordWidths, Shape::rr, Shape::rm>(insn);
}

struct MoveByteSwapped {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T value;
        TRY_GUEST((load_source<T, shape>(v, insn, value)));
        return store_destination<T, shape>(v, insn, std::byteswap(value));
    }
};

/// CMOVcc reads its source, and may fault, whether the condition holds or not (SDM 2A CMOVcc).
template <unsigned code> struct ConditionalMove {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T value;
        TRY_GUEST((load_source<T, shape>(v, insn, value)));
        if (condition_holds<code>(v.cpu.eflags)) v.cpu.write<T>(insn.dst, value);
        return Outcome::next();
    }
    static Handler pick(Insn const& insn) { return choose<ConditionalMove, WordWidths, Shape::rr, Shape::rm>(insn); }
};

template <unsigned code> struct SetOnCondition {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        return store_destination<T, shape>(v, insn, condition_holds<code>(v.cpu.eflags));
    }
    static Handler pick(Insn const& insn) { return choose<SetOnCondition, Widths<u8>, Shape::r, Shape::m>(insn); }
};

struct LoadAddress {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        v.cpu.write<T>(insn.dst, static_cast<T>(v.effective_address(insn)));
        return Outcome::next();
    }
};

/// XLAT: AL = table[AL], the table at DS:eBX (the segment can be overridden).
struct Translate {
    template <class A> static Outcome run(Vcpu& v, Insn const& insn) {
        auto const offset = static_cast<A>(v.cpu.read<A>(reg_ref(ebx)) + v.cpu.read<u8>(accumulator));
        u8 value;
        TRY_GUEST(v.load<u8>(Vcpu::segment_of(insn), offset, value));
        v.cpu.write<u8>(accumulator, value);
        return Outcome::next();
    }
};

constexpr std::array rows{
    HandlerRow{Op::mov, choose<Move, AnyWidth, Shape::rr, Shape::rm, Shape::mr, Shape::ri, Shape::mi>},
    HandlerRow{Op::movzx, pick_extend<u8, u16>},
    HandlerRow{Op::movsx, pick_extend<i8, i16>},
    HandlerRow{Op::movbe, choose<MoveByteSwapped, WordWidths, Shape::rm, Shape::mr>},
    HandlerRow{Op::cmov, by_condition<ConditionalMove>},
    HandlerRow{Op::setcc, by_condition<SetOnCondition>},
    HandlerRow{Op::lea, choose<LoadAddress, WordWidths, Shape::rm>},
    HandlerRow{Op::xlat, by_address_size<Translate>},
};

} // namespace

std::span<HandlerRow const> transfer_handlers() {
    return rows;
}

} // namespace ring3
