// Bit and byte instructions, ADCX and ADOX, BMI1 and BMI2 (SDM 1 7.3.7, 7.3.2.2, 7.3.17).
#include "host/alu_bits.h"
#include "insn/operands.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

// ---- BT, BTS, BTR, BTC -----------------------------------------------------------------------------------------

enum class Effect : u8 { test, change };

/// A register or an immediate offset: the offset is taken modulo the width, which the host's instruction does itself.
template <class Operation, Effect effect> struct BitTest {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T const offset = shape == Shape::rr ? v.cpu.read<T>(insn.src) : static_cast<T>(insn.imm);
        auto const apply = [&](T bits) { return Operation{}(bits, offset, v.cpu.eflags.raw); };
        if constexpr (effect == Effect::change) return change_destination<T, shape>(v, insn, apply);
        T bits;
        TRY_GUEST((load_destination<T, shape>(v, insn, bits)));
        apply(bits);
        return Outcome::next();
    }
};

/// A bit string in memory (SDM 1 3.7.3.1 and figure 3-2 of SDM 2A): the signed offset in a register reaches beyond the
/// operand. The word that holds the bit is accessed; its address wraps by address size.
template <class Operation, Effect effect> struct BitString {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        constexpr int bits_shift = sizeof(T) == 2 ? 4 : 5;
        auto const offset = static_cast<std::make_signed_t<T>>(v.cpu.read<T>(insn.src));
        auto const distance = static_cast<u32>(i32{offset} >> bits_shift) * u32{sizeof(T)};
        u32 const mask = insn.address_width == 2 ? 0xffffu : 0xffff'ffffu;
        u32 const address = (v.effective_address(insn) + distance) & mask;
        auto const apply = [&](T bits) { return Operation{}(bits, static_cast<T>(offset), v.cpu.eflags.raw); };
        if constexpr (effect == Effect::change) return v.modify<T>(Vcpu::segment_of(insn), address, apply);
        T bits;
        TRY_GUEST(v.load<T>(Vcpu::segment_of(insn), address, bits));
        apply(bits);
        return Outcome::next();
    }
};

template <class Operation, Effect effect> Handler bit_test(Insn const& insn) {
    if (insn.shape == Shape::mr) return choose<BitString<Operation, effect>, WordWidths, Shape::mr>(insn);
    return choose<BitTest<Operation, effect>, WordWidths, Shape::rr, Shape::ri, Shape::mi>(insn);
}

// ---- scans and counts ------------------------------------------------------------------------------------------

/// destination = operation(destination, source): BSF and BSR leave the destination alone if the source is 0.
template <class Operation> struct Scan {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, Operation{}(v.cpu.read<T>(insn.dst), source, v.cpu.eflags.raw));
        return Outcome::next();
    }
};

struct ByteSwap {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T const value = v.cpu.read<T>(insn.dst);
        if constexpr (sizeof(T) == 2)
            v.cpu.write<T>(insn.dst, host::bswap16(value));
        else
            v.cpu.write<T>(insn.dst, std::byteswap(value));
        return Outcome::next();
    }
};

/// CRC32 Gd, E: T is the width of E.
struct Crc {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<u32>(insn.dst, host::crc32<T>(v.cpu.read<u32>(insn.dst), source));
        return Outcome::next();
    }
};
Handler pick_crc32(Insn const& insn) {
    if (insn.shape == Shape::rr) return choose_width<Crc, Shape::rr>(insn.source_width, AnyWidth{});
    if (insn.shape == Shape::rm) return choose_width<Crc, Shape::rm>(insn.source_width, AnyWidth{});
    return nullptr;
}

// ---- VEX-encoded -----------------------------------------------------------------------------------------------

/// destination = operation(source, VEX.vvvv)
template <class Operation> struct VexBinary {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, Operation{}(source, v.cpu.read<T>(vvvv_ref(insn)), v.cpu.eflags.raw));
        return Outcome::next();
    }
};
/// destination = operation(source)
template <class Operation> struct VexUnary {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        v.cpu.write<T>(insn.dst, Operation{}(source, v.cpu.eflags.raw));
        return Outcome::next();
    }
};
/// MULX: EDX * source without flags; the low half goes to VEX.vvvv, then the high half to the destination, which wins
/// if both are one register (SDM 2B MULX).
struct Mulx {
    template <class T, Shape shape> static Outcome run(Vcpu& v, Insn const& insn) {
        T source;
        TRY_GUEST((load_source<T, shape>(v, insn, source)));
        u64 const product = u64{source} * v.cpu.read<u32>(reg_ref(edx));
        v.cpu.write<u32>(vvvv_ref(insn), static_cast<u32>(product));
        v.cpu.write<u32>(insn.dst, static_cast<u32>(product >> 32));
        return Outcome::next();
    }
};

template <class Operation> Handler scan(Insn const& insn) {
    return choose<Scan<Operation>, WordWidths, Shape::rr, Shape::rm>(insn);
}
template <class Operation> Handler add_with_flag(Insn const& insn) {
    return choose<Scan<Operation>, Widths<u32>, Shape::rr, Shape::rm>(insn);
}
template <class Routine> Handler vex(Insn const& insn) {
    return choose<Routine, Widths<u32>, Shape::rr, Shape::rm>(insn);
}

constexpr std::array rows{
    HandlerRow{Op::bt, bit_test<host::Bt, Effect::test>},
    HandlerRow{Op::bts, bit_test<host::Bts, Effect::change>},
    HandlerRow{Op::btr, bit_test<host::Btr, Effect::change>},
    HandlerRow{Op::btc, bit_test<host::Btc, Effect::change>},
    HandlerRow{Op::bsf, scan<host::Bsf>},
    HandlerRow{Op::bsr, scan<host::Bsr>},
    HandlerRow{Op::lzcnt, scan<host::Lzcnt>},
    HandlerRow{Op::tzcnt, scan<host::Tzcnt>},
    HandlerRow{Op::popcnt, scan<host::Popcnt>},
    HandlerRow{Op::bswap, choose<ByteSwap, WordWidths, Shape::r>},
    HandlerRow{Op::crc32, pick_crc32},
    HandlerRow{Op::adcx, add_with_flag<host::Adcx>},
    HandlerRow{Op::adox, add_with_flag<host::Adox>},
    HandlerRow{Op::andn, vex<VexBinary<host::Andn>>},
    HandlerRow{Op::bextr, vex<VexBinary<host::Bextr>>},
    HandlerRow{Op::blsi, vex<VexUnary<host::Blsi>>},
    HandlerRow{Op::blsmsk, vex<VexUnary<host::Blsmsk>>},
    HandlerRow{Op::blsr, vex<VexUnary<host::Blsr>>},
    HandlerRow{Op::bzhi, vex<VexBinary<host::Bzhi>>},
    HandlerRow{Op::pdep, vex<VexBinary<host::Pdep>>},
    HandlerRow{Op::pext, vex<VexBinary<host::Pext>>},
    HandlerRow{Op::mulx, vex<Mulx>},
};

} // namespace

std::span<HandlerRow const> bit_handlers() {
    return rows;
}

} // namespace ring3
