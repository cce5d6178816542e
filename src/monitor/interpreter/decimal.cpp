// Decimal arithmetic (SDM 1 7.3.3). 64-bit code lacks these instructions, so they are written out as in the manual's
// pseudo-code. Flags that the manual leaves undefined are as processors were seen to set them: by AL, OF clear.
#include "host/alu.h"
#include "monitor/interpreter/integer_handlers.h"
#include "monitor/interpreter/operands.h"

#include <array>

namespace ring3 {
namespace {

enum class Sign : u8 { plus, minus };

/// SF, ZF and PF as AL says; CF and AF as given; OF clear.
void set_decimal_flags(GuestCpu& cpu, bool carry, bool adjust) {
    u8 const al = cpu.read<u8>(accumulator);
    host::And{}(al, al, cpu.eflags.raw);
    cpu.eflags = cpu.eflags.with<Eflags::CF>(carry).with<Eflags::AF>(adjust);
}

/// DAA and DAS (SDM 2A): packed digits.
template <Sign sign> Outcome adjust_packed(Vcpu& v, Insn const&) {
    auto const corrected = [](unsigned value, unsigned by) {
        return static_cast<u8>(sign == Sign::plus ? value + by : value - by);
    };
    u8 const old = v.cpu.read<u8>(accumulator);
    bool const old_carry = v.cpu.eflags.has<Eflags::CF>();
    bool const low = (old & 0xf) > 9 || v.cpu.eflags.has<Eflags::AF>();
    bool const high = old > 0x99 || old_carry;
    u8 al = old;
    bool carry = high;
    if (low) {
        al = corrected(al, 6);
        // DAS keeps a borrow out of the low correction (SDM 2A DAS); DAA's carry implies `high`.
        carry = carry || (sign == Sign::minus && old < 6);
    }
    if (high) al = corrected(al, 0x60);
    v.cpu.write<u8>(accumulator, al);
    set_decimal_flags(v.cpu, carry, low);
    return Outcome::next();
}

/// AAA and AAS (SDM 2A): unpacked digits.
template <Sign sign> Outcome adjust_unpacked(Vcpu& v, Insn const&) {
    u16 const ax = v.cpu.read<u16>(accumulator);
    bool const adjust = (ax & 0xf) > 9 || v.cpu.eflags.has<Eflags::AF>();
    unsigned const sum = sign == Sign::plus ? ax + 0x106u : ax - 0x106u;
    v.cpu.write<u16>(accumulator, static_cast<u16>((adjust ? sum : ax) & 0xff0f));
    set_decimal_flags(v.cpu, adjust, adjust);
    return Outcome::next();
}

/// AAM: AL is split into two digits of base imm8.
Outcome aam(Vcpu& v, Insn const& insn) {
    auto const base = static_cast<u8>(insn.imm);
    if (base == 0) return Outcome::fault(Vector::de);
    u8 const al = v.cpu.read<u8>(accumulator);
    v.cpu.write<u8>(ah, static_cast<u8>(al / base));
    v.cpu.write<u8>(accumulator, static_cast<u8>(al % base));
    set_decimal_flags(v.cpu, false, false);
    return Outcome::next();
}

/// AAD: two digits become one number; the flags are those of the final addition.
Outcome aad(Vcpu& v, Insn const& insn) {
    auto const tens = static_cast<u8>(v.cpu.read<u8>(ah) * static_cast<u8>(insn.imm));
    v.cpu.write<u16>(accumulator, host::Add{}(v.cpu.read<u8>(accumulator), tens, v.cpu.eflags.raw));
    return Outcome::next();
}

constexpr std::array rows{
    HandlerRow{Op::daa, always<adjust_packed<Sign::plus>>},
    HandlerRow{Op::das, always<adjust_packed<Sign::minus>>},
    HandlerRow{Op::aaa, always<adjust_unpacked<Sign::plus>>},
    HandlerRow{Op::aas, always<adjust_unpacked<Sign::minus>>},
    HandlerRow{Op::aam, always<aam>},
    HandlerRow{Op::aad, always<aad>},
};

} // namespace

std::span<HandlerRow const> decimal_handlers() {
    return rows;
}

} // namespace ring3
